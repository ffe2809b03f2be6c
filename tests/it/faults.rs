//! What can go wrong at the provider, on the disk and in the catalog; and what listeners are told.

mod catalog;
mod disk;
mod source;
