//! Which bytes a request asks for (RFC 9110 §14): pure rules over header text and a length.

mod preconditions;

use std::ops::Range;

pub use preconditions::{IfRange, Outcome, Preconditions, Validators};

/// Ranges nearer than this are sent as one: a part header costs about as much.
const GAP: u64 = 512;
/// More ranges than any player asks for; beyond, a range is an attack (RFC 9110 §17.15).
const MOST_RANGES: usize = 32;
/// More overlaps than any player makes.
const MOST_OVERLAPS: usize = 2;

/// What to answer to a `Range` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The whole representation, 200: no range, one we do not understand, or one not worth serving.
    Whole,
    /// One part, 206.
    One(Range<u64>),
    /// Several parts, 206 `multipart/byteranges`; at least two, none empty.
    Many(Vec<Range<u64>>),
    /// 416.
    Unsatisfiable,
}

/// Decides what a `Range` field asks of a representation of `length` bytes.
pub fn plan(field: &str, length: u64) -> Plan {
    let Some((unit, set)) = field.split_once('=') else { return Plan::Whole };
    // Range units are case-insensitive (§14.1); one we do not know is ignored (§14.2).
    if !unit.eq_ignore_ascii_case("bytes") {
        return Plan::Whole;
    }
    // What players send. There is nothing to copy out.
    if !set.contains(',') {
        return match one(field.trim_end(), length) {
            Spec::Bytes(range) => Plan::One(range),
            Spec::Unsatisfiable => Plan::Unsatisfiable,
            Spec::Invalid => Plan::Whole,
        };
    }
    let specs = || set.split(',').map(str::trim).filter(|spec| !spec.is_empty());
    let count = specs().take(MOST_RANGES + 1).count();
    if count == 0 || count > MOST_RANGES {
        return Plan::Whole;
    }
    let mut wanted = Vec::with_capacity(count);
    for spec in specs() {
        match one(&format!("bytes={spec}"), length) {
            Spec::Bytes(range) => wanted.push(range),
            Spec::Unsatisfiable => {}
            // One bad range spoils the set: the field as a whole is invalid and ignored (§14.2).
            Spec::Invalid => return Plan::Whole,
        }
    }
    match (count, wanted.len()) {
        (_, 0) => Plan::Unsatisfiable,
        (1, _) => Plan::One(wanted.remove(0)),
        _ => several(wanted, length),
    }
}

enum Spec {
    Bytes(Range<u64>),
    Unsatisfiable,
    Invalid,
}

/// Reads a field with one range-spec. The parser is asked for one at a time, since its own rule for sets is stricter than ours.
fn one(field: &str, length: u64) -> Spec {
    use http_range_header::RangeUnsatisfiableError as Why;
    let found = http_range_header::parse_range_header(field).and_then(|parsed| parsed.validate(length));
    match found.as_deref() {
        Ok([range, ..]) => Spec::Bytes(*range.start()..range.end() + 1),
        Ok([]) | Err(Why::Unsatisfiable) => Spec::Unsatisfiable,
        Err(_) => Spec::Invalid,
    }
}

fn several(wanted: Vec<Range<u64>>, length: u64) -> Plan {
    let mut sorted = wanted.clone();
    sorted.sort_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    let mut overlaps = 0;
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start < last.end.saturating_add(GAP) => {
                overlaps += usize::from(range.start < last.end);
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    let bytes: u64 = joined.iter().map(|range| range.end - range.start).sum();
    if overlaps > MOST_OVERLAPS || bytes >= length {
        return Plan::Whole;
    }
    match joined.len() {
        1 => Plan::One(joined.remove(0)),
        // Nothing was joined: the order asked for is kept (§15.3.7.2).
        n if n == wanted.len() => Plan::Many(wanted),
        _ => Plan::Many(joined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rules_of_rfc_9110_one_by_one() {
        let cases = [
            ("bytes=0-499", Plan::One(0..500)),
            ("Bytes=0-1", Plan::One(0..2)),
            ("bytes=0-", Plan::One(0..10_000)),
            ("bytes=9500-", Plan::One(9500..10_000)),
            ("bytes=-500", Plan::One(9500..10_000)),
            ("bytes=-99999", Plan::One(0..10_000)),
            ("bytes=0-99999", Plan::One(0..10_000)),
            ("bytes=0-0,-1 ", Plan::Many(vec![0..1, 9999..10_000])),
            ("bytes=-0", Plan::Unsatisfiable),
            ("bytes=10000-", Plan::Unsatisfiable),
            ("bytes=10000-,20000-", Plan::Unsatisfiable),
            ("bytes=10000-,0-9", Plan::One(0..10)),
            ("bytes=5-2", Plan::Whole),
            ("bytes=a-b", Plan::Whole),
            ("bytes=0-1,x", Plan::Whole),
            ("bytes=", Plan::Whole),
            ("bytes", Plan::Whole),
            ("items=0-1", Plan::Whole),
            ("bytes= 0-1 ", Plan::One(0..2)),
            ("bytes= ", Plan::Whole),
            ("bytes=0-1=", Plan::Whole),
            ("bytes=,0-1", Plan::One(0..2)),
        ];
        for (field, expected) in cases {
            assert_eq!(plan(field, 10_000), expected, "{field}");
        }
    }

    #[test]
    fn near_and_overlapping_ranges_are_sent_as_one() {
        assert_eq!(plan("bytes=0-99,50-199", 10_000), Plan::One(0..200));
        assert_eq!(plan("bytes=0-99,611-700", 10_000), Plan::One(0..701));
        assert_eq!(plan("bytes=0-99,612-700", 10_000), Plan::Many(vec![0..100, 612..701]));
        assert_eq!(plan("bytes=5000-5099,0-99", 10_000), Plan::Many(vec![5000..5100, 0..100]));
        assert_eq!(plan("bytes=0-99,50-149,100-199", 10_000), Plan::One(0..200));
    }

    #[test]
    fn range_storms_get_the_whole() {
        let tiny: Vec<String> = (0..33).map(|n| format!("{}-{}", n * 1000, n * 1000)).collect();
        assert_eq!(plan(&format!("bytes={}", tiny.join(",")), 100_000), Plan::Whole);
        assert_eq!(plan("bytes=0-99,50-149,100-199,150-249", 10_000), Plan::Whole);
        assert_eq!(plan("bytes=0-5000,4000-9999", 10_000), Plan::Whole);
    }

    proptest! {
        #[test]
        fn any_field_gives_ranges_inside_the_file(field in ".{0,80}", length in 1u64..1_000_000) {
            check(&field, length)?;
        }

        #[test]
        fn any_set_of_ranges_lies_inside_the_file(
            specs in proptest::collection::vec((any::<Option<u32>>(), any::<Option<u32>>()), 1..40),
            length in 1u64..u64::from(u32::MAX),
        ) {
            let text = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
            let set: Vec<String> = specs.into_iter().map(|(a, b)| format!("{}-{}", text(a), text(b))).collect();
            check(&format!("bytes={}", set.join(",")), length)?;
        }
    }

    fn check(field: &str, length: u64) -> Result<(), TestCaseError> {
        let ranges = match plan(field, length) {
            Plan::One(range) => vec![range],
            Plan::Many(ranges) => {
                prop_assert!(ranges.len() > 1);
                ranges
            }
            Plan::Whole | Plan::Unsatisfiable => vec![],
        };
        for range in &ranges {
            prop_assert!(range.start < range.end && range.end <= length);
        }
        for (n, a) in ranges.iter().enumerate() {
            for b in &ranges[n + 1..] {
                prop_assert!(a.end + GAP <= b.start || b.end + GAP <= a.start);
            }
        }
        Ok(())
    }
}
