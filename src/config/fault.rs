//! What is wrong with a configuration, for the person who mends it. All of it at once, and never a secret.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key, as it is written in the file; or the file itself.
    pub key: String,
    /// The environment variable that set it, when it did not come from the file.
    pub variable: Option<String>,
    /// What is wrong, and how to mend it.
    pub wrong: Wrong,
}

/// What is wrong with a value, whatever its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong: the rest of a sentence that begins with the key.
    pub what: String,
    /// How to mend it: a sentence in the imperative, without its full stop.
    pub mend: String,
}

/// The outcome of reading one value.
pub(super) type Parsed<T> = Result<T, Wrong>;

pub(super) fn wrong<T>(what: impl Into<String>, mend: impl Into<String>) -> Parsed<T> {
    Err(Wrong { what: what.into(), mend: mend.into() })
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(variable) = &self.variable {
            write!(f, " ({variable})")?;
        }
        write!(f, " {}. {}.", self.wrong.what, self.wrong.mend)
    }
}

/// Everything that is wrong; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The configuration is invalid:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for Faults {}
