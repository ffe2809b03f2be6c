//! Ranges (RFC 9110 §14), whole and in parts.

#![allow(clippy::single_range_in_vec_init, reason = "one range is what some answers consist of")]

use std::ops::Range;

use super::{Answer, Landed};

const SIZE: usize = 100_000;

#[tokio::test]
async fn without_a_range_the_whole_is_sent_and_ranges_are_offered() {
    let landed = Landed::of(SIZE).await;
    let answer = landed.get(&[("accept-encoding", "gzip, br")]).await;
    assert!(landed.is_whole(&answer));
    assert_eq!(answer.field("accept-ranges"), "bytes");
    assert_eq!(answer.field("content-type"), "audio/wav");
    assert_eq!(answer.field("content-length"), SIZE.to_string());
    assert_eq!(answer.field("content-encoding"), "", "audio is never coded anew");
    assert_eq!(answer.field("transfer-encoding"), "", "a player needs the length");
}

#[tokio::test]
async fn one_range_is_answered_with_exactly_its_bytes() {
    let landed = Landed::of(SIZE).await;
    let cases = [
        ("bytes=0-", 0..SIZE),
        ("bytes=0-0", 0..1),
        ("bytes=0-1", 0..2),
        ("Bytes=0-1", 0..2),
        ("BYTES=44-1043", 44..1044),
        ("bytes=99999-", 99_999..SIZE),
        ("bytes=99999-99999", 99_999..SIZE),
        ("bytes=5000-999999999999", 5000..SIZE),
        ("bytes=5000-18446744073709551615", 5000..SIZE),
        ("bytes=-1", 99_999..SIZE),
        ("bytes=-4096", SIZE - 4096..SIZE),
        ("bytes=-100000", 0..SIZE),
        ("bytes=-100001", 0..SIZE),
        ("bytes=-18446744073709551615", 0..SIZE),
        ("bytes=0-99998", 0..SIZE - 1),
        ("bytes= 7-9", 7..10),
        ("bytes=,7-9,", 7..10),
    ];
    for (field, range) in cases {
        let answer = landed.range(field).await;
        assert_eq!(answer.status, 206, "{field}");
        assert_eq!(answer.field("content-range"), content_range(&range), "{field}");
        assert_eq!(answer.field("content-length"), range.len().to_string(), "{field}");
        assert_eq!(answer.field("content-type"), "audio/wav", "{field}");
        assert!(answer.body == landed.bytes[range], "{field}: other bytes than asked for");
    }
}

#[tokio::test]
async fn what_is_no_valid_range_is_answered_with_the_whole() {
    let landed = Landed::of(SIZE).await;
    let cases = [
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=x",
        "bytes=5-2",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=0x1-2",
        "bytes=1.5-2",
        "bytes=0-1,x",
        "bytes=9-3,0-1",
        "bytes 0-1",
        "bytes:0-1",
        "chunks=0-1",
        "items=0-1",
        "0-1",
        "bytes=+1-2",
    ];
    for field in cases {
        assert!(landed.is_whole(&landed.range(field).await), "{field}");
    }
}

#[tokio::test]
async fn where_no_byte_of_the_range_exists_the_length_is_told() {
    let landed = Landed::of(SIZE).await;
    for field in ["bytes=100000-", "bytes=100000-100001", "bytes=-0", "bytes=100000-,200000-", "bytes=99999999999-"] {
        let answer = landed.range(field).await;
        assert_eq!(answer.status, 416, "{field}");
        assert_eq!(answer.field("content-range"), "bytes */100000", "{field}");
        assert_eq!(answer.field("content-type"), "application/problem+json", "{field}");
        assert_eq!(answer.json()["code"], "range_not_satisfiable", "{field}");
    }
}

#[tokio::test]
async fn several_ranges_come_as_parts_in_the_order_asked_for() {
    let landed = Landed::of(SIZE).await;
    let answer = landed.range("bytes=90000-90999, 0-99,-50 , 50000-50000").await;
    let parts = parts(&answer);
    assert_eq!(parts, [90_000..91_000, 0..100, SIZE - 50..SIZE, 50_000..50_001].map(|range| landed.part(range)));
    assert!(!answer.headers.contains_key("content-range"), "it stands in the parts");
}

#[tokio::test]
async fn ranges_that_overlap_or_nearly_touch_are_joined() {
    let landed = Landed::of(SIZE).await;
    let cases: [(&str, &[Range<usize>]); 5] = [
        ("bytes=0-99,50-199", &[0..200]),
        ("bytes=0-99,100-199", &[0..200]),
        // 511 bytes lie between these, 512 between the next.
        ("bytes=0-99,611-699", &[0..700]),
        ("bytes=0-99,612-699", &[0..100, 612..700]),
        ("bytes=50000-50099,0-99,90-199", &[0..200, 50_000..50_100]),
    ];
    for (field, expected) in cases {
        let answer = landed.range(field).await;
        match expected {
            [one] => {
                assert_eq!((answer.status, answer.field("content-range")), (206, &*content_range(one)), "{field}");
                assert!(answer.body == landed.bytes[one.clone()], "{field}");
            }
            _ => assert!(parts(&answer).into_iter().eq(expected.iter().cloned().map(|r| landed.part(r))), "{field}"),
        }
    }
}

#[tokio::test]
async fn of_several_ranges_only_those_that_exist_are_sent() {
    let landed = Landed::of(SIZE).await;
    let one = landed.range("bytes=200000-200001,10-19").await;
    assert_eq!((one.status, one.field("content-range")), (206, "bytes 10-19/100000"));
    assert_eq!(one.body, landed.bytes[10..20]);
    let two = landed.range("bytes=0-9,200000-,1000-1009").await;
    assert_eq!(parts(&two), [landed.part(0..10), landed.part(1000..1010)]);
}

#[tokio::test]
async fn thirty_two_ranges_are_served_and_one_more_gets_the_whole() {
    let landed = Landed::of(SIZE).await;
    let field = |count: usize| {
        let ranges: Vec<String> = (0..count).map(|n| format!("{}-{}", n * 2000, n * 2000 + 9)).collect();
        format!("bytes={}", ranges.join(","))
    };
    let parts = parts(&landed.range(&field(32)).await);
    assert!(parts.into_iter().eq((0..32).map(|n| landed.part(n * 2000..n * 2000 + 10))));
    assert!(landed.is_whole(&landed.range(&field(33)).await));
}

#[tokio::test]
async fn ranges_that_ask_for_more_than_they_save_get_the_whole() {
    let landed = Landed::of(SIZE).await;
    assert_eq!(landed.range("bytes=0-9,5-14,12-20").await.status, 206, "two overlaps are a player's clumsiness");
    for field in ["bytes=0-9,5-14,12-20,18-30", "bytes=0-,0-,0-,0-", "bytes=0-60000,50000-", "bytes=0-49999,50000-"] {
        assert!(landed.is_whole(&landed.range(field).await), "{field}");
    }
}

#[tokio::test]
async fn a_206_repeats_what_a_cache_needs_to_join_it() {
    let landed = Landed::of(SIZE).await;
    let whole = landed.get(&[]).await;
    for field in ["bytes=0-9", "bytes=0-9,1000-1009"] {
        let part = landed.range(field).await;
        for name in ["etag", "last-modified", "cache-control", "vary", "accept-ranges", "x-content-type-options"] {
            assert_eq!(part.field(name), whole.field(name), "{field}: {name}");
            assert_ne!(part.field(name), "", "{field}: {name}");
        }
    }
}

impl Landed {
    fn part(&self, range: Range<usize>) -> (String, Vec<u8>) {
        (content_range(&range), self.bytes[range].to_vec())
    }
}

fn content_range(range: &Range<usize>) -> String {
    format!("bytes {}-{}/{SIZE}", range.start, range.end - 1)
}

/// Reads a `multipart/byteranges` body to its last byte: each part's range and bytes (RFC 2046 §5.1).
fn parts(answer: &Answer) -> Vec<(String, Vec<u8>)> {
    assert_eq!(answer.status, 206);
    assert_eq!(answer.field("content-length"), answer.body.len().to_string());
    let boundary = answer.field("content-type").strip_prefix("multipart/byteranges; boundary=").expect("multipart");
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = &answer.body[..];
    let mut parts = Vec::new();
    loop {
        rest = rest.strip_prefix(delimiter.as_bytes()).expect("a delimiter");
        if let Some(end) = rest.strip_prefix(b"--") {
            assert_eq!(end, b"\r\n", "nothing comes after the last part");
            return parts;
        }
        let head_ends = rest.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&rest[..head_ends]).expect("text");
        let lines: Vec<&str> = head.split("\r\n").filter(|line| !line.is_empty()).collect();
        assert_eq!(lines[0], "Content-Type: audio/wav");
        let range = lines[1].strip_prefix("Content-Range: ").expect("a range");
        let (first, last) =
            range["bytes ".len()..].split_once('/').expect("a length").0.split_once('-').expect("a dash");
        let length = last.parse::<usize>().expect("a number") - first.parse::<usize>().expect("a number") + 1;
        let (body, after) = rest[head_ends + 4..].split_at(length);
        parts.push((range.to_owned(), body.to_vec()));
        rest = after;
    }
}
