//! What makes a server tell its sockets: a file that lands, or a request; knows not who listens.

use std::io;
use std::time::Instant;

use loadtest::client::Http;
use loadtest::measure::clock;

use crate::calls::{Draft, Landing};

/// Tells of one SID after the other. All that can be done before is done when it is made.
pub(crate) enum Herald {
    /// Renames a file into the volume.
    Rename(std::vec::IntoIter<Draft>),
    /// Gives a file its name unseen, and says so by a request.
    Signal(Posts, std::vec::IntoIter<Draft>),
    /// Posts the message itself.
    Post(Posts),
}

/// Requests of one kept connection. An answer is read before the next request, or at the end: nothing wakes up for it while
/// something is measured.
pub(crate) struct Posts {
    http: Http,
    requests: std::vec::IntoIter<(String, String)>,
    expected: &'static [u16],
    open: bool,
}

impl Posts {
    /// Targets and bodies, and the statuses that are right.
    pub(crate) fn new(http: Http, requests: Vec<(String, String)>, expected: &'static [u16]) -> Self {
        Self { http, requests: requests.into_iter(), expected, open: false }
    }

    fn next(&mut self) -> io::Result<Landing> {
        self.settle()?;
        let (target, body) = self.requests.next().ok_or_else(exhausted)?;
        let before = clock::now();
        self.http.ask("POST", &target, "", body.as_bytes())?;
        self.open = true;
        Ok(Landing { before, after: clock::now() })
    }

    /// Reads the answer that is on its way.
    fn settle(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.open) {
            let reply = self.http.answer()?;
            if !self.expected.contains(&reply.status) {
                reply.expect(self.expected[0])?;
            }
        }
        Ok(())
    }
}

impl Herald {
    /// The next one: from just before the system call that tells the server to just after it.
    pub(crate) fn tell(&mut self) -> io::Result<Landing> {
        match self {
            Self::Rename(drafts) => drafts.next().ok_or_else(exhausted)?.land(),
            Self::Signal(posts, drafts) => {
                posts.settle()?;
                drafts.next().ok_or_else(exhausted)?.land_unseen()?;
                posts.next()
            }
            Self::Post(posts) => posts.next(),
        }
    }

    /// Tells of the rest at these times.
    pub(crate) fn tell_at(mut self, times: impl Iterator<Item = Instant>) -> io::Result<Vec<Landing>> {
        let mut told = Vec::with_capacity(self.left());
        for at in times.take(self.left()) {
            clock::sleep_until(at);
            told.push(self.tell()?);
        }
        self.end()?;
        Ok(told)
    }

    /// Waits for the last answer.
    pub(crate) fn end(self) -> io::Result<()> {
        match self {
            Self::Rename(_) => Ok(()),
            Self::Signal(mut posts, _) | Self::Post(mut posts) => posts.settle(),
        }
    }

    fn left(&self) -> usize {
        match self {
            Self::Rename(drafts) => drafts.len(),
            Self::Signal(posts, _) | Self::Post(posts) => posts.requests.len(),
        }
    }
}

fn exhausted() -> io::Error {
    io::Error::other("there is nothing left to tell")
}
