//! What a foreign worker is told of a recording: from the catalog, and from the source where the catalog has no name for it.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Duration;
use tracing::warn;

use crate::catalog::{Catalog, Change, Row};
use crate::jobs::QueueError;
use crate::jobs::rq::{Teller, Told};
use crate::recording::{Recording, Sid, State};
use crate::signals::{Signal, Signals};
use crate::source::{Source, SourceError, TwilioOptions};

/// How long the source may take for a name.
const PATIENCE: Duration = Duration::from_secs(10);

/// Knows what to tell.
pub(in crate::serve) struct Briefing {
    pub catalog: Arc<dyn Catalog>,
    pub source: Arc<dyn Source>,
    pub signals: Arc<dyn Signals>,
    pub twilio: TwilioOptions,
}

impl Briefing {
    async fn row(&self, sid: Sid) -> Result<Option<Row>, QueueError> {
        Ok(self.catalog.find(&[sid]).await.map_err(|error| QueueError(error.0))?.pop().flatten())
    }

    fn tell(&self, recording: Recording) -> Told {
        let url = |name| self.twilio.recording_url(&recording.account_sid, name);
        Told {
            sid: recording.sid,
            call_sid: recording.call_sid,
            recording_sid: recording.recording_sid,
            recording_url: recording.recording_sid.map(url),
            account_sid: recording.account_sid.to_string(),
            tenant: recording.tenant,
        }
    }

    /// Notes the name that the source has for it; whether there is a job to be done.
    async fn look_up(&self, recording: &Recording) -> Result<bool, QueueError> {
        let answer = tokio::time::timeout(PATIENCE, self.source.find(&recording.account_sid, recording.call_sid)).await;
        let noted = match answer.unwrap_or_else(|_| Err(SourceError::Failed("the source is silent".into()))) {
            Ok(name) => self.catalog.name(recording.sid, name).await,
            Err(SourceError::Gone(code)) => {
                let from = [State::Unknown, State::Queued, State::Downloading, State::Failed];
                let gone = self.catalog.change(recording.sid, &from, Change::because(State::Gone, code)).await;
                gone.map(|status| status.map(|status| (recording.clone(), status)))
            }
            Err(error) => {
                warn!(sid = %recording.sid, %error, "the worker is not told which recording the call has");
                Ok(None)
            }
        };
        let Some(row) = noted.map_err(|error| QueueError(error.0))? else { return Ok(true) };
        let is_wanted = row.1.state != State::Gone;
        self.signals.send(Signal::Changed(Box::new(row)));
        Ok(is_wanted)
    }
}

#[async_trait]
impl Teller for Briefing {
    async fn told(&self, sid: Sid) -> Result<Option<Told>, QueueError> {
        Ok(self.row(sid).await?.map(|(recording, _)| self.tell(recording)))
    }

    async fn looked_up(&self, sid: Sid) -> Result<Option<Told>, QueueError> {
        let Some((recording, _)) = self.row(sid).await? else { return Ok(None) };
        if !self.look_up(&recording).await? {
            return Ok(None);
        }
        self.told(sid).await
    }
}
