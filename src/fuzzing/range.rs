//! `Range` and the conditional fields, as rules over text: held against a reading of RFC 9110 that is slow and simple.

use std::ops::Range;

use super::bounded;
use crate::range::{IfRange, Outcome, Plan, Preconditions, Validators, plan};

/// The rules of `range.rs`: what lies nearer is joined, and what is more is answered with the whole.
const GAP: u64 = 512;
const MOST_RANGES: usize = 32;

const ETAG: &str = "\"CA1.mp3\"";
const MODIFIED: i64 = 1000;

/// Two bytes and a shift for the length, then lines: Range, If-Match, If-None-Match, If-Range, and two dates.
pub fn range(data: &[u8]) {
    let Some([high, low, shift, text @ ..]) = bounded(data, 4096) else { return };
    let length = (u64::from(u16::from_be_bytes([*high, *low])) << (shift % 48)).max(1);
    // Whatever else stands in a field counts as absent before it comes so far.
    let is_visible = |byte: &u8| matches!(byte, b'\t' | b'\n' | b' '..=b'~');
    let Some(text) = text.iter().all(is_visible).then(|| std::str::from_utf8(text).ok()).flatten() else { return };
    let mut lines = text.split('\n').map(|line| Some(line).filter(|line| !line.is_empty()));
    let mut line = || lines.next().flatten();
    let (field, if_match, if_none_match, if_range) = (line(), line(), line(), line());
    let mut date = || line().and_then(|date| date.parse::<i64>().ok());
    let (if_modified_since, if_unmodified_since) = (date(), date());
    if let Some(field) = field {
        check_plan(field, length);
    }
    let if_range = if_range.map(|text| text.parse().map_or(IfRange::Tag(text), IfRange::Date));
    check_conditions(&Preconditions { if_match, if_unmodified_since, if_none_match, if_modified_since, if_range });
}

fn check_plan(field: &str, length: u64) {
    let ranges = match plan(field, length) {
        Plan::Whole => return,
        Plan::Unsatisfiable => {
            assert_eq!(wanted(field, length), Some(vec![]), "416 although a byte of it exists: {field}");
            return;
        }
        Plan::One(range) => vec![range],
        Plan::Many(ranges) => {
            assert!(ranges.len() > 1, "several ranges are more than one: {field}");
            let sent: u64 = ranges.iter().map(|range| range.end - range.start).sum();
            assert!(sent < length, "no more than the whole is sent: {field}");
            ranges
        }
    };
    let wanted = wanted(field, length).unwrap_or_else(|| panic!("an invalid field is ignored: {field}"));
    assert!(wanted.len() <= MOST_RANGES, "a storm of ranges gets the whole: {field}");
    for (n, range) in ranges.iter().enumerate() {
        assert!(range.start < range.end && range.end <= length, "inside the file: {field} of {length}");
        let far = |other: &Range<u64>| range.end + GAP <= other.start || other.end + GAP <= range.start;
        assert!(ranges[n + 1..].iter().all(far), "what is near is joined: {field}");
        let (begins, ends) = (|w: &Range<u64>| w.start == range.start, |w: &Range<u64>| w.end == range.end);
        assert!(wanted.iter().any(begins) && wanted.iter().any(ends), "nobody asked for that: {field}");
    }
    let is_sent = |w: &Range<u64>| ranges.iter().any(|range| range.start <= w.start && w.end <= range.end);
    assert!(wanted.iter().all(is_sent), "something is left out: {field}");
}

/// The ranges that a field asks for and the file has; `None` for a field that is to be ignored.
fn wanted(field: &str, length: u64) -> Option<Vec<Range<u64>>> {
    let (unit, set) = field.split_once('=')?;
    let digits = |text: &str| (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(());
    let mut wanted = Vec::new();
    for spec in set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty()) {
        let (first, last) = spec.split_once('-')?;
        let number = |text: &str| digits(text).map(|()| text.parse::<u64>().unwrap_or(u64::MAX));
        let range = match (first, last) {
            ("", suffix) => length - number(suffix)?.min(length)..length,
            (first, "") => number(first)?..length,
            (first, last) if number(first)? <= number(last)? => {
                number(first)?..number(last)?.saturating_add(1).min(length)
            }
            _ => return None,
        };
        wanted.extend((range.start < range.end).then_some(range));
    }
    unit.eq_ignore_ascii_case("bytes").then_some(wanted)
}

fn check_conditions(given: &Preconditions<'_>) {
    let tags = |field: &str| field.split(',').map(|tag| tag.trim().to_owned()).collect::<Vec<_>>();
    let names =
        |field: Option<&str>| field.is_some_and(|field| field.trim() == "*" || tags(field).contains(&ETAG.into()));
    match given.evaluate(Validators { etag: ETAG, modified: Some(MODIFIED) }) {
        Outcome::Failed => assert!(
            given.if_match.is_some() && !names(given.if_match)
                || given.if_match.is_none() && given.if_unmodified_since.is_some_and(|date| date < MODIFIED),
            "412 without a reason"
        ),
        Outcome::NotModified => assert!(
            given.if_none_match.is_some_and(|field| field.contains(ETAG) || field.trim() == "*")
                || given.if_none_match.is_none() && given.if_modified_since.is_some_and(|date| date >= MODIFIED),
            "304 for what the client does not have"
        ),
        outcome => {
            assert!(given.if_match.is_none() || names(given.if_match), "a tag that does not match is passed over");
            assert!(!names(given.if_none_match), "what the client has is sent again");
            let same = match given.if_range {
                None => true,
                Some(IfRange::Tag(tag)) => tag == ETAG,
                Some(IfRange::Date(date)) => date == MODIFIED,
            };
            assert_eq!(outcome == Outcome::Proceed, same, "a range is joined only to the very same bytes");
        }
    }
}
