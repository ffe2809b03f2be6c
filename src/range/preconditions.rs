//! Conditional requests (RFC 9110 §13): header text against one representation's validators.

/// The validators of a representation.
#[derive(Clone, Copy, Debug)]
pub struct Validators<'a> {
    /// Its strong entity tag, quotes included.
    pub etag: &'a str,
    /// When it last changed, in whole seconds since the epoch, where that is known: without it, dates are ignored (§13.1.3, §13.1.4).
    pub modified: Option<i64>,
}

/// The conditional fields of a request, each as it was sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preconditions<'a> {
    /// `If-Match`
    pub if_match: Option<&'a str>,
    /// `If-Unmodified-Since`, in seconds since the epoch; an invalid date counts as absent (§13.1.4)
    pub if_unmodified_since: Option<i64>,
    /// `If-None-Match`
    pub if_none_match: Option<&'a str>,
    /// `If-Modified-Since`, in seconds since the epoch; an invalid date counts as absent (§13.1.3)
    pub if_modified_since: Option<i64>,
    /// `If-Range`
    pub if_range: Option<IfRange<'a>>,
}

/// What `If-Range` carries.
#[derive(Clone, Copy, Debug)]
pub enum IfRange<'a> {
    /// An entity tag, weak or strong.
    Tag(&'a str),
    /// A date, in seconds since the epoch.
    Date(i64),
}

/// What the preconditions decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answer, with the range if one was asked for.
    Proceed,
    /// Answer with the whole: the client holds parts of something else.
    IgnoreRange,
    /// 304
    NotModified,
    /// 412
    Failed,
}

impl Preconditions<'_> {
    /// Evaluates in the order of §13.2.2, for GET and HEAD.
    pub fn evaluate(&self, current: Validators<'_>) -> Outcome {
        let failed = match (self.if_match, self.if_unmodified_since) {
            (Some(tags), _) => !lists(tags, |tag| tag == current.etag),
            (None, Some(date)) => current.modified.is_some_and(|modified| modified > date),
            (None, None) => false,
        };
        if failed {
            return Outcome::Failed;
        }
        let unchanged = match (self.if_none_match, self.if_modified_since) {
            // Weak comparison (§13.1.2): the `W/` does not matter.
            (Some(tags), _) => lists(tags, |tag| tag.strip_prefix("W/").unwrap_or(tag) == current.etag),
            (None, Some(date)) => current.modified.is_some_and(|modified| modified <= date),
            (None, None) => false,
        };
        if unchanged {
            return Outcome::NotModified;
        }
        let same = match self.if_range {
            None => true,
            // Strong comparison (§13.1.5): a weak tag never matches, a date must be exact.
            Some(IfRange::Tag(tag)) => tag == current.etag,
            Some(IfRange::Date(date)) => current.modified == Some(date),
        };
        if same { Outcome::Proceed } else { Outcome::IgnoreRange }
    }
}

/// Whether a list of entity tags is `*` or has one that satisfies `matches`.
fn lists(field: &str, matches: impl Fn(&str) -> bool) -> bool {
    // Our own tags hold no comma, so a foreign tag cut at one cannot match by accident.
    field.trim() == "*" || field.split(',').any(|tag| matches(tag.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Validators<'static> = Validators { etag: "\"a.mp3\"", modified: Some(1000) };

    fn outcome(given: Preconditions<'_>) -> Outcome {
        given.evaluate(NOW)
    }

    #[test]
    fn a_failed_match_comes_before_everything() {
        let given = Preconditions { if_match: Some("\"b\""), if_none_match: Some("\"a.mp3\""), ..Default::default() };
        assert_eq!(outcome(given), Outcome::Failed);
        assert_eq!(outcome(Preconditions { if_match: Some("*"), ..Default::default() }), Outcome::Proceed);
        assert_eq!(outcome(Preconditions { if_match: Some("W/\"a.mp3\""), ..Default::default() }), Outcome::Failed);
        assert_eq!(outcome(Preconditions { if_unmodified_since: Some(999), ..Default::default() }), Outcome::Failed);
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        for tags in ["\"a.mp3\"", "W/\"a.mp3\"", "\"x\", \"a.mp3\"", "*"] {
            assert_eq!(
                outcome(Preconditions { if_none_match: Some(tags), ..Default::default() }),
                Outcome::NotModified
            );
        }
        assert_eq!(
            outcome(Preconditions { if_modified_since: Some(1000), ..Default::default() }),
            Outcome::NotModified
        );
        // A tag decides alone (§13.1.3).
        let given = Preconditions { if_none_match: Some("\"b\""), if_modified_since: Some(2000), ..Default::default() };
        assert_eq!(outcome(given), Outcome::Proceed);
    }

    #[test]
    fn a_range_is_joined_only_to_the_very_same_bytes() {
        let range = |value| outcome(Preconditions { if_range: Some(value), ..Default::default() });
        assert_eq!(range(IfRange::Tag("\"a.mp3\"")), Outcome::Proceed);
        assert_eq!(range(IfRange::Tag("W/\"a.mp3\"")), Outcome::IgnoreRange);
        assert_eq!(range(IfRange::Date(1000)), Outcome::Proceed);
        assert_eq!(range(IfRange::Date(1001)), Outcome::IgnoreRange);
    }
}
