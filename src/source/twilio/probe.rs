//! Whether an account can be read at all, asked by an operator and not for a recording.

use super::TwilioSource;
use crate::source::SourceError;

impl TwilioSource {
    /// Whether the account's credentials open its recordings: asks for a list of one, and looks at the status alone. (The
    /// account's own resource would be closed to most API keys.)
    pub async fn probe(&self, account_sid: &str) -> Result<(), SourceError> {
        let account = self.account(account_sid)?;
        let mut url = self.url(account, "Recordings.json")?;
        url.query_pairs_mut().append_pair("PageSize", "1");
        self.get(account, url).await.map(drop)
    }
}
