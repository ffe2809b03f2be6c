//! Every scenario for some seconds against a real server: it passes, and measures what it is for.

use super::support::{LANDFALL, finish, run_spawned};

#[test]
fn idle_sockets_stay_and_all_hear_of_a_landing() {
    let ran = run_spawned("idle-sockets", &[]).passed();
    let sockets = ran.count("counts", "finished");
    assert!(sockets >= 20, "{sockets}");
    assert_eq!(ran.latencies("ready"), sockets);
}

#[test]
fn listeners_wait_listen_and_jump() {
    let ran = run_spawned("listeners", &["--assert", "sound.p99<20s", "--assert", "errors<1"]).passed();
    for kind in ["connect", "subscribe", "ready", "wait", "first_byte", "body", "seek", "sound", "lag"] {
        assert!(ran.latencies(kind) > 0, "{kind}");
    }
    assert_eq!(ran.latencies("seek"), 3 * ran.count("counts", "finished"));
    assert!(ran.count("counts", "probes") > 0);
}

#[test]
fn a_herd_is_one_fetch_and_everybody_is_told() {
    let ran = run_spawned("herd", &[]).passed();
    assert_eq!(ran.latencies("ready"), ran.count("counts", "finished"));
    assert!(ran.count("counts", "finished") >= 30);
}

#[test]
fn who_comes_back_in_a_storm_hears_what_landed_meanwhile() {
    let ran = run_spawned("reconnect-storm", &[]).passed();
    assert_eq!((ran.count("counts", "finished"), ran.latencies("wait")), (30, 90));
}

#[test]
fn jumps_are_served_as_they_come() {
    let ran = run_spawned("seeking-storm", &["--rate", "60", "--arrivals", "ramp"]).passed();
    assert_eq!(ran.latencies("seek"), ran.count("counts", "finished"));
}

#[test]
fn slow_readers_get_every_byte_while_others_jump() {
    let ran = run_spawned("slow-readers", &["--length", "4s"]).passed();
    assert!(ran.latencies("seek") > 0 && ran.count("counts", "bytes") > 30 * 16_000);
}

#[test]
fn a_mixed_day_has_all_of_it() {
    let ran = run_spawned("mixed-day", &["--rate", "30"]).passed();
    assert!(ran.latencies("seek") > 0 && ran.latencies("first_byte") > 0);
}

#[test]
fn a_restart_costs_no_listener_anything_but_time() {
    let ran = run_spawned("listeners", &["--fault", "restart@1s", "--patience", "40s"]).passed();
    assert!(ran.count("counts", "reconnects") + ran.count("counts", "retries") > 0);
    assert_eq!(ran.report["faults"], serde_json::json!(["restart@1s"]));
}

#[test]
fn a_killed_worker_costs_no_listener_anything_but_time() {
    // Its downloads are taken over when their lease has ended.
    let more = ["--workers", "2", "--fault", "kill-worker@1s", "--patience", "45s"];
    run_spawned("listeners", &more).passed();
}

#[test]
fn a_soak_leaves_nothing_behind() {
    let load =
        "--duration 4s --recordings 6 --length 20s --think 100ms --patience 20s --max-lag 10s --capacity 30 --quiet";
    let ran = finish(["soak", "--spawn", LANDFALL].into_iter().chain(load.split_whitespace()).collect()).passed();
    let thresholds = ran.report["thresholds"].as_array().expect("a list");
    assert_eq!(thresholds.len(), 5, "{thresholds:?}");
}
