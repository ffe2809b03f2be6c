//! The provider's accounts: whether it can be reached, and lets us in with each pair of credentials. Never shows them.

use super::check::Check;
use crate::config::{Config, TwilioAccount};
use crate::source::{Account, SourceError, TwilioOptions, TwilioSource};

const NAME: &str = "provider";

/// A check for each account; a skipped one where there is none.
pub(super) fn accounts(config: &Config) -> impl Iterator<Item = impl Future<Output = Check>> {
    let accounts = &config.twilio.accounts;
    let none = accounts.is_empty().then_some(None);
    accounts.iter().map(Some).chain(none).map(move |account| async move {
        match account {
            Some(account) => self::account(config, account).await,
            None => Check::skip(NAME, "no account under twilio.accounts: only what others land is served"),
        }
    })
}

/// Both pairs where there are two: the key opens recordings, the token checks callbacks.
async fn account(config: &Config, account: &TwilioAccount) -> Check {
    let by_token = ("auth_token", &account.account_sid, &account.auth_token);
    let by_key = account.api_key.as_ref().map(|(key, secret)| ("api_key and api_secret", key, secret));
    let mut found = Ok(());
    for (what, user, password) in by_key.into_iter().chain([by_token]) {
        let sid = account.account_sid.clone();
        let accounts = vec![Account { sid: sid.clone(), user: user.clone(), password: password.reveal().to_owned() }];
        let options = TwilioOptions { accounts, ..config.twilio_options() };
        found = match TwilioSource::new(options) {
            Ok(source) => source.probe(&sid).await.map_err(|error| (what, error)),
            Err(error) => Err((what, error)),
        };
        if found.is_err() {
            break;
        }
    }
    let pairs = if account.api_key.is_some() { "its API key and its token are" } else { "its token is" };
    let (sid, base) = (&account.account_sid, &config.twilio.api_base);
    match found {
        Ok(()) => Check::ok(NAME, format!("{sid}: {base} answers, and {pairs} good")),
        Err((what, error)) => failed(config, sid, what, &error),
    }
}

fn failed(config: &Config, sid: &str, what: &str, error: &SourceError) -> Check {
    let base = &config.twilio.api_base;
    let detail = format!("{sid} at {base}: {error}");
    match error {
        SourceError::Unauthorized(_) => {
            let mend = format!(
                "copy {what} of {sid} from Twilio's console into twilio.accounts (a token that was changed there is void at once)"
            );
            Check::fail(NAME, detail, mend)
        }
        SourceError::Busy { .. } => Check::warn(
            NAME,
            format!("{detail}; {what} was not judged"),
            "ask again in a minute; lower worker.concurrency if it stays",
        ),
        SourceError::Refused(_) => {
            Check::fail(NAME, detail, "twilio.allow_private = true (if the address inside the network is meant)")
        }
        SourceError::NotFound { .. } => Check::fail(
            NAME,
            detail,
            "set twilio.api_base to Twilio's API (https://api.twilio.com), and check the account's SID",
        ),
        SourceError::Gone(_) | SourceError::NotYet | SourceError::Failed(_) => Check::fail(
            NAME,
            detail,
            format!("check name, firewall and the provider's state (https://status.twilio.com): curl -sSI {base}"),
        ),
    }
}
