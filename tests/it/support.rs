//! A server on free ports with a provider of its own, and clients that know its tokens.

mod audio;
mod clock;
pub mod installed;
mod listener;
mod login;
mod mount;
mod process;
mod proxy;
mod server;
mod socket;
mod token;
mod toll;

pub use audio::{wav, wav_header};
pub use clock::Clock;
pub use listener::Crowd;
pub use login::Login;
pub use mount::Mount;
pub use process::{Process, Setting, free};
pub use proxy::{Proxy, Way};
pub use server::{Bench, Knobs, jwt_options};
pub use socket::Socket;
pub use token::{SECRET, sign, token};
pub use toll::{TOLD_WITHIN, toll};
