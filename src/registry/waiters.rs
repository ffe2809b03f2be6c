//! Who waits in one entry of the wait map. Most entries have one waiter, for whom nothing is allocated.

use std::sync::Arc;

use super::mailbox::Mailbox;
use crate::recording::Sid;

/// The name that was asked by, and who asked.
type Waiter = (Sid, Arc<Mailbox>);

/// Waiters by key.
#[derive(Default)]
pub(super) enum Waiters {
    #[default]
    Nobody,
    /// Its key is 0. Spread out, so that all of it takes no more room than two fields would.
    One {
        asked: Sid,
        mailbox: Arc<Mailbox>,
    },
    Many(Box<Many>),
}

/// Freed keys are used again, so that leaving costs the same however many wait.
pub(super) struct Many {
    places: Vec<Option<Waiter>>,
    free: Vec<u32>,
}

impl Waiters {
    pub fn len(&self) -> usize {
        match self {
            Self::Nobody => 0,
            Self::One { .. } => 1,
            Self::Many(many) => many.places.len() - many.free.len(),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (Sid, &Arc<Mailbox>)> {
        let (one, many) = match self {
            Self::Nobody => (None, &[][..]),
            Self::One { asked, mailbox } => (Some((*asked, mailbox)), &[][..]),
            Self::Many(many) => (None, &many.places[..]),
        };
        one.into_iter().chain(many.iter().flatten().map(|(asked, mailbox)| (*asked, mailbox)))
    }

    /// Adds one; its key.
    pub fn add(&mut self, asked: Sid, mailbox: Arc<Mailbox>) -> u32 {
        let (all, key) = match std::mem::take(self) {
            Self::Nobody => (Self::One { asked, mailbox }, 0),
            Self::One { asked: first, mailbox: of_first } => {
                let places = vec![Some((first, of_first)), Some((asked, mailbox))];
                (Self::Many(Box::new(Many { places, free: Vec::new() })), 1)
            }
            Self::Many(mut many) => {
                let key = many.add((asked, mailbox));
                (Self::Many(many), key)
            }
        };
        *self = all;
        key
    }

    /// Removes the one with that key.
    pub fn remove(&mut self, key: u32) {
        let is_last = match self {
            Self::Nobody | Self::One { .. } => true,
            Self::Many(many) => {
                many.places[key as usize] = None;
                many.free.push(key);
                many.free.len() == many.places.len()
            }
        };
        if is_last {
            *self = Self::Nobody;
        }
    }
}

impl Many {
    fn add(&mut self, waiter: Waiter) -> u32 {
        if let Some(key) = self.free.pop() {
            self.places[key as usize] = Some(waiter);
            return key;
        }
        self.places.push(Some(waiter));
        (self.places.len() - 1) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(waiters: &mut Waiters, n: u8) -> u32 {
        waiters.add(format!("CA{n:032x}").parse().unwrap(), Mailbox::new(1))
    }

    fn names(waiters: &Waiters) -> Vec<String> {
        waiters.iter().map(|(asked, _)| asked.to_string()[32..].to_owned()).collect()
    }

    #[test]
    fn each_leaves_by_its_own_key_and_a_freed_key_is_used_again() {
        let mut waiters = Waiters::default();
        let keys = [1, 2, 3].map(|n| add(&mut waiters, n));
        assert_eq!((keys, waiters.len()), ([0, 1, 2], 3));
        waiters.remove(keys[1]);
        assert_eq!(names(&waiters), ["01", "03"]);
        assert_eq!(add(&mut waiters, 4), keys[1]);
        assert_eq!(names(&waiters), ["01", "04", "03"]);
        waiters.remove(keys[0]);
        waiters.remove(keys[2]);
        assert_eq!((names(&waiters), waiters.len()), (vec!["04".to_owned()], 1));
        waiters.remove(keys[1]);
        assert!(matches!(waiters, Waiters::Nobody));
    }

    #[test]
    fn one_comes_and_goes() {
        let mut waiters = Waiters::default();
        for n in [1, 2] {
            assert_eq!((add(&mut waiters, n), waiters.len()), (0, 1));
            waiters.remove(0);
            assert_eq!(waiters.len(), 0);
        }
    }
}
