//! How a simulator is started: addresses, accounts, voices. Plain data.

use serde::Deserialize;

use crate::random::Random;
use crate::speech::Speech;

/// An account with its credentials. Either pair of SID and secret opens it.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// `AC` and 32 hex digits.
    pub sid: String,
    /// Its token, which also signs callbacks.
    pub auth_token: String,
    /// `SK` and 32 hex digits.
    pub api_key: Option<String>,
    /// The key's secret.
    pub api_secret: Option<String>,
}

impl Account {
    /// An account made up from a number; the same number gives the same account.
    pub fn example(number: u64) -> Self {
        let mut random = Random::seeded(number);
        Self {
            sid: format!("AC{}", random.hex32()),
            auth_token: random.hex32(),
            api_key: Some(format!("SK{}", random.hex32())),
            api_secret: Some(random.hex32()),
        }
    }
}

/// How a simulator is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address and port; port 0 takes a free one.
    pub listen: String,
    /// The same for the foreign origin that redirects lead to.
    pub foreign_listen: String,
    /// What clients call the simulator, when it is not `http://<listen>`.
    pub base_url: Option<String>,
    /// What clients call the foreign origin, when it is not `http://<foreign_listen>`.
    pub foreign_url: Option<String>,
    /// At least one; the first is the default for new recordings.
    pub accounts: Vec<Account>,
    /// Where calls come from.
    pub speech: Speech,
    /// Makes SIDs and conversations repeat; without it each start is different.
    pub seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".to_owned(),
            foreign_listen: "127.0.0.1:0".to_owned(),
            base_url: None,
            foreign_url: None,
            accounts: vec![Account::example(1)],
            speech: Speech::shipped(),
            seed: None,
        }
    }
}
