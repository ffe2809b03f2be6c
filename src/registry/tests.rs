//! The wait map as a specification. Each race is forced: its steps are taken one by one in the harmful order.

use super::*;
use crate::recording::{About, Code, Tenant};

fn sid(n: u8) -> Sid {
    format!("CA{n:032x}").parse().unwrap()
}

fn recording(sid: Sid) -> Recording {
    let recording_sid = format!("RE{}", &sid.as_str()[2..]).parse().ok();
    Recording {
        sid,
        call_sid: sid,
        recording_sid,
        account_sid: "AC1".into(),
        tenant: Tenant::new("t").unwrap(),
        about: About::default(),
    }
}

fn in_state(v: u64, state: State) -> Status {
    Status { v, state, ..Status::unknown() }
}

async fn seeded(registry: &Registry, sid: Sid, status: Status) -> Pin {
    let pin = registry.pin(sid);
    pin.seed(recording(sid), status).send().await;
    pin
}

async fn states(mailbox: &Mailbox) -> Vec<(u64, State)> {
    mailbox.take().await.events.iter().map(|event| (event.status.v, event.status.state)).collect()
}

#[tokio::test]
async fn a_change_between_the_look_and_the_attach_is_in_the_copied_status() {
    let registry = Registry::default();
    let listener = seeded(&registry, sid(1), Status::unknown()).await;
    // Here the listener has looked at the truth and is about to attach, when the recording lands.
    let publisher = registry.pin(sid(1));
    publisher.advance(|now| Some(in_state(now.v + 1, State::Ready))).send().await;
    drop(publisher);
    let (_subscription, _, status) = listener.attach(sid(1), &Mailbox::new(8)).unwrap();
    assert_eq!((status.v, status.state), (2, State::Ready));
}

#[tokio::test]
async fn a_change_after_the_attach_is_in_the_mailbox() {
    let registry = Registry::default();
    let pin = seeded(&registry, sid(1), Status::unknown()).await;
    let mailbox = Mailbox::new(8);
    let _subscription = pin.attach(sid(1), &mailbox).unwrap();
    pin.advance(|now| Some(in_state(now.v + 1, State::Queued))).send().await;
    assert_eq!(states(&mailbox).await, [(2, State::Queued)]);
}

#[tokio::test]
async fn a_row_read_before_a_change_never_takes_the_change_back() {
    let registry = Registry::default();
    let slow = registry.pin(sid(1));
    // The slow reader has read version 1 from the catalog; a fast one seeds, changes and leaves.
    let fast = seeded(&registry, sid(1), Status::unknown()).await;
    fast.advance(|now| Some(in_state(now.v + 1, State::Queued))).send().await;
    drop(fast);
    slow.seed(recording(sid(1)), Status::unknown()).send().await;
    assert_eq!(slow.get().unwrap().1.state, State::Queued);
}

#[tokio::test]
async fn the_last_two_to_leave_leave_no_slot_behind() {
    let registry = Registry::default();
    let pin = seeded(&registry, sid(1), Status::unknown()).await;
    let a = pin.attach(sid(1), &Mailbox::new(8)).unwrap().0;
    let b = pin.attach(sid(1), &Mailbox::new(8)).unwrap().0;
    drop(pin);
    let both = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        for subscription in [a, b] {
            let both = &both;
            scope.spawn(move || {
                both.wait();
                drop(subscription);
            });
        }
    });
    assert_eq!(registry.census(), Census::default());
}

#[tokio::test]
async fn a_slot_survives_the_leaving_of_its_last_waiter_while_somebody_looks() {
    let registry = Registry::default();
    let leaving = seeded(&registry, sid(1), in_state(7, State::Downloading)).await;
    let arriving = registry.pin(sid(1));
    drop(leaving);
    let (_subscription, _, status) = arriving.attach(sid(1), &Mailbox::new(8)).unwrap();
    assert_eq!(status.v, 7);
}

#[tokio::test]
async fn listeners_are_told_by_the_name_they_asked_by() {
    let registry = Registry::default();
    let pin = seeded(&registry, sid(1), Status::unknown()).await;
    let other_name = recording(sid(1)).recording_sid.unwrap();
    let (by_call, by_recording) = (Mailbox::new(8), Mailbox::new(8));
    let _a = pin.attach(sid(1), &by_call).unwrap();
    let _b = pin.attach(other_name, &by_recording).unwrap();
    pin.advance(|now| Some(in_state(now.v + 1, State::Ready))).send().await;
    assert_eq!(by_call.take().await.events[0].asked, sid(1));
    assert_eq!(by_recording.take().await.events[0].asked, other_name);
}

#[tokio::test]
async fn whoever_tells_without_a_pin_changes_only_what_is_known_and_leaves_no_slot() {
    let registry = Registry::default();
    let landed = |now: &Status| Some(in_state(now.v + 1, State::Ready));
    assert!(registry.advance(sid(1), landed).send().await.is_none());
    assert!(!registry.holds(sid(1)));
    let pin = registry.pin(sid(1));
    assert!(registry.advance(sid(1), landed).send().await.is_none(), "nobody has asked the catalog yet");
    pin.seed(recording(sid(1)), Status::unknown()).send().await;
    let mailbox = Mailbox::new(8);
    let _subscription = pin.attach(sid(1), &mailbox).unwrap();
    assert!(registry.advance(sid(1), landed).send().await.is_some());
    assert_eq!(states(&mailbox).await, [(2, State::Ready)]);
}

/// The rest of a crowd is told in turns, between which others run.
#[tokio::test]
async fn each_of_a_crowd_is_told_once() {
    for count in [WAKES_PER_TURN, WAKES_PER_TURN + 1, 3 * WAKES_PER_TURN + 7] {
        let registry = Registry::default();
        let pin = seeded(&registry, sid(1), Status::unknown()).await;
        let crowd: Vec<_> = (0..count).map(|_| Mailbox::new(8)).collect();
        let _subscriptions: Vec<_> = crowd.iter().map(|mailbox| pin.attach(sid(1), mailbox)).collect();
        let rest = pin.advance(|now| Some(in_state(now.v + 1, State::Ready))).send_from_here();
        assert_eq!(rest.is_some(), count > WAKES_PER_TURN);
        if let Some(rest) = rest {
            rest.send().await;
        }
        for mailbox in &crowd {
            assert_eq!(states(mailbox).await, [(2, State::Ready)]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn progress_is_latest_only_and_at_most_four_a_second() {
    let registry = Registry::default();
    let pin = seeded(&registry, sid(1), in_state(3, State::Downloading)).await;
    let mailbox = Mailbox::new(8);
    let _subscription = pin.attach(sid(1), &mailbox).unwrap();
    for received in 1..=100 {
        pin.progress(Progress { received, total: Some(100) }).send().await;
        tokio::time::advance(std::time::Duration::from_millis(10)).await;
    }
    let events = mailbox.take().await.events;
    assert_eq!(events.len(), 1, "only the latest is kept for a listener that has not looked");
    assert_eq!(events[0].status.progress.unwrap().received, 76, "told at 0, 250, 500 and 750 ms");
}

#[tokio::test]
async fn a_listener_that_never_looks_overflows_and_is_told_so() {
    let registry = Registry::default();
    let pin = seeded(&registry, sid(1), Status::unknown()).await;
    let mailbox = Mailbox::new(2);
    let _subscription = pin.attach(sid(1), &mailbox).unwrap();
    for _ in 0..3 {
        pin.advance(|now| Some(Status { code: Some(Code::SourceBusy), ..in_state(now.v + 1, State::Queued) }))
            .send()
            .await;
    }
    let inbox = mailbox.take().await;
    assert_eq!((inbox.events.len(), inbox.overflowed), (2, true));
}

#[tokio::test]
async fn only_what_is_waited_for_and_not_settled_is_swept() {
    let registry = Registry::default();
    let mailbox = Mailbox::new(8);
    let mut held = Vec::new();
    for (n, state) in [(1, State::Queued), (2, State::Ready), (3, State::Unknown)] {
        let pin = seeded(&registry, sid(n), in_state(1, state)).await;
        held.push(pin.attach(sid(n), &mailbox).unwrap().0);
    }
    let _only_pinned = seeded(&registry, sid(4), in_state(1, State::Queued)).await;
    let mut swept = registry.waited_for();
    swept.sort();
    assert_eq!(swept, [sid(1), sid(3)]);
}

/// Notes what it is told, unless it is full.
#[derive(Default)]
struct Told {
    versions: std::sync::Mutex<Vec<u64>>,
    is_full: std::sync::atomic::AtomicBool,
}

impl Line for Told {
    fn tell(&self, event: &Event) -> bool {
        let takes = !self.is_full.load(Ordering::Relaxed);
        if takes {
            self.versions.lock().unwrap().push(event.status.v);
        }
        takes
    }
}

#[tokio::test]
async fn a_line_is_used_while_it_is_open_and_only_by_its_own_thread_and_never_past_what_waits() {
    let registry = Registry::default();
    let pin = seeded(&registry, sid(1), Status::unknown()).await;
    let told = Arc::new(Told::default());
    let mailbox = Mailbox::with_line(8, told.clone());
    let _subscription = pin.attach(sid(1), &mailbox).unwrap();
    let change = |pin: &Pin| drop(pin.advance(|now| Some(in_state(now.v + 1, State::Queued))).send_from_here());
    let waiting = |mailbox: &Mailbox| {
        let taken = mailbox.poll_take(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        let events = match taken {
            std::task::Poll::Ready(inbox) => inbox.events,
            std::task::Poll::Pending => Vec::new(),
        };
        events.iter().map(|event| event.status.v).collect::<Vec<_>>()
    };

    change(&pin);
    assert_eq!(waiting(&mailbox), [2], "the task is at work");

    let line = mailbox.open_line();
    change(&pin);
    assert_eq!((waiting(&mailbox), told.versions.lock().unwrap().as_slice()), (vec![], [3].as_slice()));
    let elsewhere = pin.clone();
    std::thread::spawn(move || change(&elsewhere)).join().unwrap();
    change(&pin);
    assert_eq!(waiting(&mailbox), [4, 5], "the one from another thread, and what came after it");

    told.is_full.store(true, Ordering::Relaxed);
    change(&pin);
    assert_eq!(waiting(&mailbox), [6], "its task finds out why");

    told.is_full.store(false, Ordering::Relaxed);
    drop(line);
    change(&pin);
    assert_eq!(waiting(&mailbox), [7]);
    assert_eq!(*told.versions.lock().unwrap(), [3]);
}
