//! A Twilio simulator and load generators for Landfall.
