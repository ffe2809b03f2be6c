//! A link as text: the query that makes a URL one. Knows no key.

use std::borrow::Cow;

use url::form_urlencoded;

use super::LinkDenied;

/// The longest name of a user that a link can carry, in bytes.
pub const MOST_USER: usize = 512;
/// The parameters, and how long each may be. Any of them makes a query one of a link.
const PARAMETERS: [(&str, usize); 5] = [("purpose", 16), ("sub", MOST_USER), ("exp", 16), ("kid", 16), ("sig", 64)];

/// A link as a request brings it; nothing of it has been verified. Cannot be printed: whoever reads it may use it.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented<'a> {
    pub(super) purpose: Cow<'a, str>,
    /// The user.
    pub sub: Cow<'a, str>,
    /// Seconds since the epoch, as text: what is signed is what stands there.
    pub(super) exp: Cow<'a, str>,
    /// The name of its key.
    pub kid: Cow<'a, str>,
    pub(super) sig: Cow<'a, str>,
    /// Whether the query holds nothing else.
    pub is_alone: bool,
}

impl<'a> Presented<'a> {
    /// The link in a query, if there is one.
    pub fn read(query: &'a str) -> Result<Option<Self>, LinkDenied> {
        let mut found: [Option<Cow<'a, str>>; PARAMETERS.len()] = Default::default();
        let mut is_alone = true;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(at) = PARAMETERS.iter().position(|(known, _)| *known == name) else {
                is_alone = false;
                continue;
            };
            let is_too_long = value.len() > PARAMETERS[at].1;
            // Of two, others on the way might believe the one and we the other.
            if is_too_long || found[at].replace(value).is_some() {
                return Err(LinkDenied::Invalid);
            }
        }
        match found {
            [None, None, None, None, None] => Ok(None),
            [Some(purpose), Some(sub), Some(exp), Some(kid), Some(sig)] => {
                Ok(Some(Self { purpose, sub, exp, kid, sig, is_alone }))
            }
            _ => Err(LinkDenied::Invalid),
        }
    }

    /// The query that reads back as this link.
    pub(super) fn write(&self) -> String {
        let values = [&self.purpose, &self.sub, &self.exp, &self.kid, &self.sig];
        let pairs = PARAMETERS.iter().map(|(name, _)| *name).zip(values);
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }
}
