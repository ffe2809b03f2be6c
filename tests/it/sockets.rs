//! The WebSocket protocol, message by message.

mod bounds;
mod pushes;
mod sign_in;
mod subscribing;
mod time;
