//! While workers land where this server does not look: whoever waits is told so, jobs stay, and nothing that others may
//! well see is called lost. All of it ends when the mount is mended.

use std::sync::atomic::Ordering;

use super::{Delivery, DeliveryError};
use crate::recording::Code;
use crate::volume::VolumeError;

impl Delivery {
    /// Whether the workers are known to land elsewhere, from now on.
    pub async fn set_elsewhere(&self, is_elsewhere: bool) {
        if self.0.is_elsewhere.swap(is_elsewhere, Ordering::Relaxed) == is_elsewhere {
            return;
        }
        if is_elsewhere {
            for sid in self.0.registry.waited_for() {
                self.given_up(sid, Code::VolumeMismatch).await;
            }
        } else {
            self.sweep().await;
        }
    }

    /// Whether they are.
    pub fn is_elsewhere(&self) -> bool {
        self.0.is_elsewhere.load(Ordering::Relaxed)
    }

    pub(super) fn not_elsewhere(&self) -> Result<(), DeliveryError> {
        if self.is_elsewhere() { Err(VolumeError::Elsewhere.into()) } else { Ok(()) }
    }
}
