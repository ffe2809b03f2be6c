//! Draws waveforms: of what lands here, when its listeners have been told, and of what somebody asks for. One at a time, on
//! a thread that gives way to every other. Knows neither listener nor tenant.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::recording::Sid;
use crate::telemetry;
use crate::volume::{DrawError, Drawn, Volume, VolumeError, Waveform, blocking};

/// Landings that wait for their waveform. One that finds no place gets it when somebody asks.
const MOST_LANDED: usize = 1024;
/// Recordings whose waveform somebody asks for.
const MOST_WANTED: usize = 256;
/// As nice as a thread can be: the cores are for listeners.
const NICE: i32 = 19;

/// How a drawing ended.
pub type Ended = Result<Drawn, DrawError>;

/// Waveforms of what lies in the volume; clones share it.
#[derive(Clone)]
pub struct Waveforms(Arc<Inner>);

struct Inner {
    volume: Volume,
    wanted: mpsc::Sender<Sid>,
    landed: mpsc::Sender<Sid>,
    /// Who waits for what, once per recording.
    waiting: Mutex<HashMap<Sid, watch::Sender<Option<Ended>>>>,
}

/// The one that draws.
pub struct Drawer {
    waveforms: Waveforms,
    wanted: mpsc::Receiver<Sid>,
    landed: mpsc::Receiver<Sid>,
}

/// Too many wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A drawing that others may wait for too.
pub struct Drawing(watch::Receiver<Option<Ended>>);

impl Drawing {
    /// How it ends, or `None` where patience ends before.
    pub async fn within(mut self, patience: Duration) -> Option<Ended> {
        let ended = tokio::time::timeout(patience, self.0.wait_for(Option::is_some)).await.ok()?;
        ended.map_or(Some(Err(DrawError::Stopped)), |ended| ended.clone())
    }
}

impl Waveforms {
    /// Over that volume. Nothing is drawn before the drawer runs.
    pub fn new(volume: Volume) -> (Self, Drawer) {
        let (wanted, wanted_here) = mpsc::channel(MOST_WANTED);
        let (landed, landed_here) = mpsc::channel(MOST_LANDED);
        let waveforms = Self(Arc::new(Inner { volume, wanted, landed, waiting: Mutex::default() }));
        let drawer = Drawer { waveforms: waveforms.clone(), wanted: wanted_here, landed: landed_here };
        (waveforms, drawer)
    }

    /// Where to tell of what has landed here, after its listeners.
    pub fn landings(&self) -> mpsc::Sender<Sid> {
        self.0.landed.clone()
    }

    /// The waveform of the recording whose file was written at that time, if it was drawn.
    pub async fn find(&self, sid: Sid, modified: i64) -> Result<Option<Waveform>, VolumeError> {
        let volume = self.0.volume.clone();
        blocking(move || volume.waveform(sid, modified)).await
    }

    /// Sees to the drawing of a recording, ahead of those that only landed; however many ask, it is drawn once.
    pub fn want(&self, sid: Sid) -> Result<Drawing, Full> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(drawing) = waiting.get(&sid) {
            return Ok(Drawing(drawing.subscribe()));
        }
        if self.0.wanted.try_send(sid).is_err() {
            telemetry::limited("peaks_waiting");
            return Err(Full);
        }
        let (drawing, ended) = watch::channel(None);
        waiting.insert(sid, drawing);
        Ok(Drawing(ended))
    }

    fn ended(&self, sid: Sid, ended: Ended) {
        let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&sid);
        if let Some(waiting) = waiting {
            waiting.send_replace(Some(ended));
        }
    }
}

impl Drawer {
    /// Draws until it is dropped; what is under way then is left undone.
    pub async fn run(mut self) {
        loop {
            let sid = tokio::select! {
                biased;
                Some(sid) = self.wanted.recv() => sid,
                Some(sid) = self.landed.recv() => sid,
                else => return,
            };
            let ended = self.draw(sid).await;
            self.waveforms.ended(sid, ended);
        }
    }

    async fn draw(&self, sid: Sid) -> Ended {
        let (volume, begun) = (self.waveforms.0.volume.clone(), Instant::now());
        let going = CancellationToken::new();
        let stop = going.clone();
        // Whoever is stopped takes the thread along.
        let _going = going.drop_guard();
        let ended = aside(move || volume.draw(sid, &mut || !stop.is_cancelled())).await;
        match &ended {
            Ok(Drawn::Done) => telemetry::waveform_drawn(begun.elapsed()),
            Ok(Drawn::Undecodable) => telemetry::waveform_missing(sid, "undecodable", "nothing in it can be decoded"),
            Ok(Drawn::Before | Drawn::Absent) | Err(DrawError::Stopped) => {}
            Err(error @ DrawError::Volume(_)) => telemetry::waveform_missing(sid, "failed", &error.to_string()),
        }
        ended
    }
}

/// Runs on a thread of its own that gives way to every other. Threads of the pool could not be made quick again.
async fn aside(work: impl FnOnce() -> Ended + Send + 'static) -> Ended {
    let (tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("waveform".into()).spawn(move || {
        let _ = rustix::process::nice(NICE);
        let _ = tell.send(work());
    });
    if let Err(error) = thread {
        return Err(VolumeError::Unavailable(format!("no thread could be started: {error}")).into());
    }
    told.await.unwrap_or(Err(DrawError::Stopped))
}
