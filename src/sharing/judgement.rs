//! What follows from what the processes see of each other. Pure: asks nobody.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::peers::{Peer, Role};

/// Beats in a row that a mark must be missing: a process that has just come may have said so before we looked.
const MISSES: u32 = 2;

/// One of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Who it is.
    pub peer: Peer,
    /// Whether its marks are here.
    pub here: Option<bool>,
    /// Whether it says that ours are there.
    pub there: Option<bool>,
}

impl Sight {
    /// Whether both look at one volume; `None` as long as that is not known.
    pub fn is_shared(&self) -> Option<bool> {
        match (self.here, self.there) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}

/// What one process knows of all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement(pub Vec<Sight>);

impl Judgement {
    /// Whether everybody shares one volume; `None` where nobody is there, or not all is known.
    pub fn is_shared(&self) -> Option<bool> {
        if self.0.iter().any(|sight| sight.is_shared() == Some(false)) {
            return Some(false);
        }
        let all = !self.0.is_empty() && self.0.iter().all(|sight| sight.is_shared() == Some(true));
        all.then_some(true)
    }

    /// Whether there is nobody of whom it is not known yet.
    pub fn is_settled(&self) -> bool {
        self.0.iter().all(|sight| sight.is_shared().is_some())
    }

    /// Whether a process of that role is of no use: a server to which no worker lands anything, a worker whose landings
    /// no server sees. One of several workers that looks elsewhere takes no server down.
    pub fn is_mismatch(&self, role: Role) -> bool {
        let is_other = |sight: &&Sight| sight.peer.role != role;
        let counterparts: Vec<Option<bool>> = self.0.iter().filter(is_other).map(Sight::is_shared).collect();
        !counterparts.is_empty() && counterparts.iter().all(|is_shared| *is_shared == Some(false))
    }

    /// Whether a worker may land recordings: some server sees them, or none is there that could say.
    pub fn may_land(&self) -> bool {
        let mut servers = self.0.iter().filter(|sight| sight.peer.role == Role::Server).peekable();
        servers.peek().is_none() || servers.any(|sight| sight.is_shared() == Some(true))
    }

    /// What this process says of the others' marks.
    pub fn sees(&self) -> Vec<(String, bool)> {
        self.0.iter().filter_map(|sight| Some((sight.peer.id.clone(), sight.here?))).collect()
    }

    /// Who sees another volume, and how to mend that.
    pub fn explanation(&self, me: &Peer) -> String {
        let mut text = format!(
            "volume_mismatch: this {} on {} has another volume at {} than",
            me.role.as_str(),
            me.host,
            me.volume
        );
        for sight in self.0.iter().filter(|sight| sight.is_shared() == Some(false)) {
            let Peer { role, host, volume, .. } = &sight.peer;
            // Writing to memory cannot fail.
            let _ = write!(text, " the {} on {host} (at {volume}),", role.as_str());
        }
        text.pop();
        text + "; mount the same named volume in all of them (`landfall doctor` shows the line to add)"
    }
}

/// What has been seen before.
pub(super) struct Watch {
    slack: u64,
    misses: HashMap<String, u32>,
}

impl Watch {
    /// With `slack`, a mark may be so many beats old.
    pub fn new(slack: u64) -> Self {
        Self { slack, misses: HashMap::new() }
    }

    /// The others, each with the beat of its mark in our volume.
    pub fn judge(&mut self, me: &Peer, others: Vec<(Peer, Option<u64>)>) -> Judgement {
        self.misses.retain(|id, _| others.iter().any(|(peer, _)| peer.id == *id));
        let sights = others.into_iter().map(|(peer, mark)| {
            let is_here = mark.is_some_and(|mark| mark + self.slack >= peer.beat);
            let misses = self.misses.entry(peer.id.clone()).or_default();
            *misses = if is_here { 0 } else { misses.saturating_add(1) };
            let here = match *misses {
                0 => Some(true),
                misses if misses >= MISSES => Some(false),
                _ => None,
            };
            let there = peer.sees.iter().find(|(id, _)| *id == me.id).map(|(_, sees)| *sees);
            Sight { peer, here, there }
        });
        Judgement(sights.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(id: &str, role: Role, beat: u64, sees: &[(&str, bool)]) -> Peer {
        let sees = sees.iter().map(|(id, sees)| ((*id).to_owned(), *sees)).collect();
        Peer { id: id.into(), role, host: format!("host of {id}"), volume: "/recordings".into(), beat, sees }
    }

    fn me(role: Role) -> Peer {
        peer("me", role, 1, &[])
    }

    #[test]
    fn one_volume_is_proven_only_in_both_directions() {
        let mut watch = Watch::new(0);
        let one_way = watch.judge(&me(Role::Server), vec![(peer("w", Role::Worker, 5, &[]), Some(5))]);
        assert_eq!((one_way.is_shared(), one_way.is_mismatch(Role::Server)), (None, false));
        let both = watch.judge(&me(Role::Server), vec![(peer("w", Role::Worker, 6, &[("me", true)]), Some(7))]);
        assert_eq!((both.is_shared(), both.is_mismatch(Role::Server)), (Some(true), false));
        let denied = watch.judge(&me(Role::Server), vec![(peer("w", Role::Worker, 7, &[("me", false)]), Some(7))]);
        assert_eq!((denied.is_shared(), denied.is_mismatch(Role::Server)), (Some(false), true));
    }

    #[test]
    fn a_mark_that_is_missing_or_old_for_two_beats_disproves_it_and_one_that_comes_back_mends_it() {
        let worker = |beat| peer("w", Role::Worker, beat, &[("me", true)]);
        let mut watch = Watch::new(0);
        let mut shared = |beat, mark| watch.judge(&me(Role::Server), vec![(worker(beat), mark)]).is_shared();
        assert_eq!([shared(1, None), shared(2, None)], [None, Some(false)]);
        assert_eq!(shared(3, Some(3)), Some(true));
        // The directory was mounted over: what it held before is all that is seen.
        assert_eq!([shared(4, Some(3)), shared(5, Some(3))], [None, Some(false)]);
    }

    #[test]
    fn where_clients_keep_what_they_read_a_mark_may_be_old() {
        let mut watch = Watch::new(30);
        for beat in [31, 40] {
            let judged =
                watch.judge(&me(Role::Server), vec![(peer("w", Role::Worker, beat, &[("me", true)]), Some(10))]);
            assert_eq!(judged.is_shared(), Some(true), "{beat}");
        }
    }

    #[test]
    fn one_worker_that_looks_elsewhere_takes_no_server_down_but_is_told() {
        let mut watch = Watch::new(0);
        let others = || {
            let good = peer("good", Role::Worker, 1, &[("me", true)]);
            vec![(good, Some(1)), (peer("bad", Role::Worker, 1, &[("me", false)]), None)]
        };
        watch.judge(&me(Role::Server), others());
        let judged = watch.judge(&me(Role::Server), others());
        assert_eq!((judged.is_shared(), judged.is_mismatch(Role::Server)), (Some(false), false));
        let of_bad = Watch::new(0).judge(&me(Role::Worker), vec![(peer("s", Role::Server, 1, &[("me", false)]), None)]);
        assert!(of_bad.is_mismatch(Role::Worker) && !of_bad.may_land());
        let text = of_bad.explanation(&me(Role::Worker));
        assert!(text.contains("host of me") && text.contains("host of s") && text.contains("/recordings"), "{text}");
    }

    #[test]
    fn a_worker_lands_nothing_until_a_server_has_seen_it_unless_there_is_none() {
        let mut watch = Watch::new(0);
        assert!(watch.judge(&me(Role::Worker), vec![]).may_land());
        assert!(watch.judge(&me(Role::Worker), vec![(peer("w", Role::Worker, 1, &[]), None)]).may_land());
        let unseen = vec![(peer("s", Role::Server, 1, &[]), Some(1))];
        assert!(!watch.judge(&me(Role::Worker), unseen).may_land());
        let seen = vec![(peer("s", Role::Server, 2, &[("me", true)]), Some(2))];
        assert!(watch.judge(&me(Role::Worker), seen).may_land());
    }

    #[test]
    fn who_is_alone_proves_nothing() {
        let judged = Watch::new(0).judge(&me(Role::Server), vec![]);
        assert_eq!((judged.is_shared(), judged.is_mismatch(Role::Server)), (None, false));
    }
}
