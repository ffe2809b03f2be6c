//! The simulator: Twilio's Recordings API over generated calls, with scripted faults; knows nothing of who calls it.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use loadtest::twilio::{Faults, Format, NewRecording, Options, Simulator};
//!
//! let simulator = Simulator::start(Options::default()).await?;
//! let recording = simulator.add(NewRecording { seconds: 90.0, held: true, ..Default::default() });
//! simulator.set_faults(&recording.recording_sid, Faults { not_found: 2, ..Default::default() });
//! // … a client asks for {base_url}/2010-04-01/Accounts/{account_sid}/Recordings/{recording_sid}.mp3 …
//! simulator.until(&recording.recording_sid, |stats| stats.media_requests == 1).await;
//! simulator.release(&recording.recording_sid);
//! let expected = simulator.media_bytes(&recording.recording_sid, Format::Mp3, 2);
//! simulator.shutdown().await;
//! # Ok(()) }
//! ```

mod admin;
mod answers;
mod api;
mod body;
mod callbacks;
mod faults;
mod media;
mod options;
mod recordings;
pub mod signature;
mod state;
mod stats;
mod traffic;

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use crate::speech::Format;
use crate::speech::Speech;
pub use callbacks::{Callback, CallbackError, Delivery};
pub use faults::{Faults, Redirect};
pub use options::{Account, Options};
pub use recordings::{NewRecording, Recording, Status};
use state::State;
pub use stats::Stats;
pub use traffic::Traffic;

/// How long requests in flight may take to notice a shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// A running simulator. Dropping it stops it.
pub struct Simulator {
    state: Arc<State>,
    tasks: TaskTracker,
}

impl Simulator {
    /// Listens and answers from then on.
    ///
    /// # Errors
    /// When an address cannot be listened on, or the options name no account.
    pub async fn start(options: Options) -> io::Result<Self> {
        if options.accounts.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the simulator needs an account"));
        }
        let main = TcpListener::bind(&options.listen).await?;
        let foreign = TcpListener::bind(&options.foreign_listen).await?;
        let (address, foreign_address) = (main.local_addr()?, foreign.local_addr()?);
        let state = Arc::new(State::new(options, address, foreign_address));
        let tasks = TaskTracker::new();
        let routes = api::routes().merge(admin::routes()).fallback(api::no_such_route);
        serve(&tasks, &state.stop, main, routes.with_state(Arc::clone(&state)));
        serve(&tasks, &state.stop, foreign, media::foreign_routes().with_state(Arc::clone(&state)));
        tasks.close();
        Ok(Self { state, tasks })
    }

    /// What goes where `https://api.twilio.com` would: scheme, host and port, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.state.base_url
    }

    /// The other origin, where [`Redirect::Foreign`] leads.
    pub fn foreign_url(&self) -> &str {
        &self.state.foreign_url
    }

    /// The address of the main listener.
    pub fn address(&self) -> SocketAddr {
        self.state.address
    }

    /// The first account.
    pub fn account(&self) -> &Account {
        &self.state.options.accounts[0]
    }

    /// The phrases that calls are made of, to compose audio that several recordings share.
    pub fn speech(&self) -> &Speech {
        &self.state.options.speech
    }

    /// Adds a recording; from then on the API knows it. It sends no callback: see [`Simulator::callback`].
    ///
    /// # Panics
    /// When the SID is taken.
    pub fn add(&self, new: NewRecording) -> Recording {
        self.state.add(new).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Scripts what goes wrong with one recording from now on, instead of the global faults; counts start anew.
    pub fn set_faults(&self, recording_sid: &str, faults: Faults) {
        self.state.set_faults(recording_sid, Some(faults)).expect(UNKNOWN);
    }

    /// The recording follows the global faults again; counts start anew.
    pub fn clear_faults(&self, recording_sid: &str) {
        self.state.set_faults(recording_sid, None).expect(UNKNOWN);
    }

    /// Scripts what goes wrong with each recording that has no faults of its own. Each of them counts for itself, starting anew.
    pub fn set_global_faults(&self, faults: Faults) {
        self.state.set_global_faults(faults);
    }

    /// Moves a recording on, e.g. from in-progress to completed.
    pub fn set_status(&self, recording_sid: &str, status: Status) {
        self.state.entry(recording_sid).expect(UNKNOWN).set_status(status);
    }

    /// Where a recording is in its life; [`Status::Deleted`] after a client deleted it.
    pub fn status(&self, recording_sid: &str) -> Status {
        self.state.entry(recording_sid).expect(UNKNOWN).status()
    }

    /// Lets media requests wait until [`Simulator::release`].
    pub fn hold(&self, recording_sid: &str) {
        self.state.gate(recording_sid, false).expect(UNKNOWN);
    }

    /// Lets waiting and later media requests through, also past `hold_after`.
    pub fn release(&self, recording_sid: &str) {
        self.state.gate(recording_sid, true).expect(UNKNOWN);
    }

    /// What was seen of one recording.
    pub fn stats(&self, recording_sid: &str) -> Stats {
        self.state.entry(recording_sid).expect(UNKNOWN).stats.borrow().clone()
    }

    /// What was seen in total.
    pub fn totals(&self) -> Stats {
        self.state.totals.borrow().clone()
    }

    /// Lists that asked for this call, whether it has recordings or not.
    pub fn list_requests(&self, call_sid: &str) -> u64 {
        self.state.lists_of(call_sid)
    }

    /// Waits until the numbers of a recording are as wished, instead of sleeping and looking again.
    pub async fn until(&self, recording_sid: &str, wish: impl FnMut(&Stats) -> bool) -> Stats {
        let mut stats = self.state.entry(recording_sid).expect(UNKNOWN).stats.subscribe();
        // The sender lives in the store as long as the simulator.
        stats.wait_for(wish).await.expect("the recording is never removed").clone()
    }

    /// Waits until the totals are as wished.
    pub async fn until_total(&self, wish: impl FnMut(&Stats) -> bool) -> Stats {
        let mut totals = self.state.totals.subscribe();
        totals.wait_for(wish).await.expect("the simulator is alive").clone()
    }

    /// What a correct download yields, byte for byte. `channels` is 1 or 2; 2 only makes sense of a dual recording.
    pub fn media_bytes(&self, recording_sid: &str, format: Format, channels: u8) -> Bytes {
        let entry = self.state.entry(recording_sid).expect(UNKNOWN);
        entry.audio.read(format, channels.min(entry.recording.channels), 0, usize::MAX)
    }

    /// Sends a signed status callback, as a form, and once more if that fails; `event` is `in-progress`, `completed` or `absent`.
    ///
    /// # Errors
    /// When nothing answered, even the second time.
    pub async fn callback(&self, url: &str, recording_sid: &str, event: &str) -> Result<Delivery, CallbackError> {
        self.send(&Callback::new(url, recording_sid, event)).await
    }

    /// Sends a status callback with all its details.
    ///
    /// # Errors
    /// When nothing answered, even the second time.
    pub async fn send(&self, callback: &Callback) -> Result<Delivery, CallbackError> {
        callbacks::send(&self.state, callback).await
    }

    /// Lets calls come, one after the other, until the simulator stops.
    pub fn start_traffic(&self, traffic: Traffic) {
        traffic::start(&self.state, &self.tasks, traffic);
    }

    /// Stops, and waits until the tasks are gone.
    pub async fn shutdown(self) {
        self.state.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.state.stop.cancel();
    }
}

const UNKNOWN: &str = "the simulator knows no such recording";

fn serve(tasks: &TaskTracker, stop: &CancellationToken, listener: TcpListener, routes: Router) {
    let stop = stop.clone();
    tasks.spawn(async move {
        let server = axum::serve(listener, routes).with_graceful_shutdown(stop.clone().cancelled_owned()).into_future();
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(SHUTDOWN_GRACE).await;
        };
        tokio::select! {
            _ = server => {}
            // A client that does not read its body would keep the server alive.
            () = late => {}
        }
    });
}
