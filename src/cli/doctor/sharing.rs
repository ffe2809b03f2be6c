//! Whether all processes share one volume: who sees whose marks, as each says itself. `judge` is pure.

use std::fmt::Write as _;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::check::Check;
use crate::broker::Broker;
use crate::config::Config;
use crate::peers::{Peer, Peers, RedisPeers, Role};

const NAME: &str = "sharing";
/// The volume's name in compose files.
const VOLUME: &str = "recordings_data";

/// What the processes of this deployment say of each other.
pub(super) async fn sharing(config: &Config) -> Check {
    let Some(url) = &config.redis_url else {
        return Check::skip(
            NAME,
            "redis_url is not set: one process does everything, and shares the volume with nobody",
        );
    };
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let broker = match Broker::new(url) {
        Ok(broker) => broker,
        Err(error) => return Check::fail(NAME, error.to_string(), "see the check of redis"),
    };
    broker.start(&tasks, &stop).await;
    let present = RedisPeers::new(broker).present().await;
    stop.cancel();
    match present {
        Ok(peers) => judge(&peers),
        Err(error) => Check::fail(NAME, format!("the processes cannot be asked: {error}"), "see the check of redis"),
    }
}

/// Who sees which volume, and the lines to add for those who see another one than most.
fn judge(peers: &[Peer]) -> Check {
    if let [only] = peers {
        return Check::skip(NAME, format!("only {} is there, and nobody to compare with", told(only)));
    }
    let groups = groups(peers);
    let Some((most, others)) = groups.split_first() else {
        return Check::skip(NAME, "no process is there yet");
    };
    if others.is_empty() {
        return Check::ok(NAME, format!("{} processes see one volume: {}", peers.len(), names(most)));
    }
    let listed = groups.iter().enumerate().map(|(n, group)| format!("volume {}: {}", n + 1, names(group)));
    let detail = format!("the processes see {} volumes; {}", groups.len(), listed.collect::<Vec<_>>().join("; "));
    if !is_disproven(peers) {
        let detail = format!("who shares a volume is not all known yet; {}", names(&peers.iter().collect::<Vec<_>>()));
        return Check::warn(NAME, detail, "ask again in some seconds: each process looks once a second");
    }
    Check::fail(NAME, detail, compose(others.iter().flatten().copied()))
}

/// The lines to add, for each role and path once.
fn compose<'a>(outside: impl Iterator<Item = &'a Peer>) -> String {
    let mut mounts: Vec<(&str, &str)> = outside.map(|peer| (service(peer.role), peer.volume.as_str())).collect();
    mounts.sort_unstable();
    mounts.dedup();
    let mut text = "mount the volume of the others; in the compose file:\nservices:".to_owned();
    let mut before = None;
    for (service, path) in mounts {
        // Writing to memory cannot fail.
        if before.replace(service) != Some(service) {
            let _ = write!(text, "\n  {service}:\n    volumes:");
        }
        let _ = write!(text, "\n      - {VOLUME}:{path}");
    }
    text
}

/// What a service of that role is called in our compose file.
const fn service(role: Role) -> &'static str {
    match role {
        Role::Server => "server",
        Role::Worker => "worker",
    }
}

/// Those who see each other's marks, the largest group first; among equals, the one with a server.
fn groups(peers: &[Peer]) -> Vec<Vec<&Peer>> {
    let mut groups: Vec<Vec<&Peer>> = Vec::new();
    for peer in peers {
        // All that it is one with become one group with it.
        let (with, others) =
            groups.into_iter().partition(|group: &Vec<&Peer>| group.iter().any(|other| is_one(peer, other)));
        groups = others;
        let with: Vec<Vec<&Peer>> = with;
        groups.push(with.into_iter().flatten().chain([peer]).collect());
    }
    let rank = |group: &Vec<&Peer>| (group.len(), group.iter().any(|peer| peer.role == Role::Server));
    groups.sort_by_key(|group| std::cmp::Reverse(rank(group)));
    groups
}

fn is_one(a: &Peer, b: &Peer) -> bool {
    sees(a, b) == Some(true) && sees(b, a) == Some(true)
}

/// Whether some process says that another's marks are missing.
fn is_disproven(peers: &[Peer]) -> bool {
    peers.iter().any(|a| peers.iter().any(|b| sees(a, b) == Some(false)))
}

fn sees(a: &Peer, b: &Peer) -> Option<bool> {
    a.sees.iter().find(|(id, _)| *id == b.id).map(|(_, sees)| *sees)
}

fn told(peer: &Peer) -> String {
    format!("{} on {} (at {})", peer.role.as_str(), peer.host, peer.volume)
}

fn names(group: &[&Peer]) -> String {
    group.iter().map(|peer| told(peer)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::*;

    fn peer(id: &str, role: Role, sees: &[(&str, bool)]) -> Peer {
        let sees = sees.iter().map(|(id, sees)| ((*id).to_owned(), *sees)).collect();
        Peer { id: id.into(), role, host: format!("{id}-host"), volume: "/app/server/recordings".into(), beat: 1, sees }
    }

    #[test]
    fn all_who_see_each_other_share_one_volume() {
        let peers = [peer("s", Role::Server, &[("w", true)]), peer("w", Role::Worker, &[("s", true)])];
        assert_eq!(judge(&peers).status, Status::Ok);
    }

    #[test]
    fn the_worker_that_sees_another_volume_is_named_with_the_lines_to_add() {
        let peers = [
            peer("s", Role::Server, &[("w", false), ("t", true)]),
            peer("t", Role::Server, &[("w", false), ("s", true)]),
            peer("w", Role::Worker, &[("s", false), ("t", false)]),
        ];
        let check = judge(&peers);
        assert_eq!(check.status, Status::Fail);
        let said = "the processes see 2 volumes; volume 1: serve on s-host (at /app/server/recordings), \
                    serve on t-host (at /app/server/recordings); volume 2: worker on w-host (at /app/server/recordings)";
        assert_eq!(check.detail, said);
        let lines = "services:\n  worker:\n    volumes:\n      - recordings_data:/app/server/recordings";
        assert!(check.mend.as_ref().unwrap().ends_with(lines), "{check:?}");
    }

    #[test]
    fn of_two_alone_the_server_is_believed_to_be_right() {
        let peers = [peer("w", Role::Worker, &[("s", false)]), peer("s", Role::Server, &[("w", false)])];
        let mend = judge(&peers).mend.unwrap();
        assert!(mend.contains("  worker:") && !mend.contains("  server:"), "{mend}");
    }

    #[test]
    fn groups_grow_together_over_those_who_see_both() {
        let peers = [
            peer("a", Role::Worker, &[("s", true)]),
            peer("b", Role::Worker, &[("s", true)]),
            peer("s", Role::Server, &[("a", true), ("b", true)]),
        ];
        assert_eq!(judge(&peers).status, Status::Ok);
    }

    #[test]
    fn what_nobody_has_said_yet_is_no_failure() {
        let peers = [peer("s", Role::Server, &[("w", true)]), peer("w", Role::Worker, &[])];
        assert_eq!(judge(&peers).status, Status::Warn);
        assert_eq!(judge(&peers[..1]).status, Status::Skip);
    }
}
