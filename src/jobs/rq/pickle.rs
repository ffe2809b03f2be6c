//! Values as Python's `pickle` reads them, protocol 2: the few opcodes that plain data needs. Writes only, and knows no
//! job.
//!
//! The format: CPython's `Lib/pickletools.py`, which names each opcode as it is named here.

use serde_json::{Number, Value};

const PROTO_2: [u8; 2] = [0x80, 2];
const MARK: u8 = b'(';
const TUPLE: u8 = b't';
const EMPTY_LIST: u8 = b']';
const APPENDS: u8 = b'e';
const EMPTY_DICT: u8 = b'}';
const SETITEMS: u8 = b'u';
const BINUNICODE: u8 = b'X';
const BININT: u8 = b'J';
const LONG1: u8 = 0x8a;
const BINFLOAT: u8 = b'G';
const NONE: u8 = b'N';
const NEWTRUE: u8 = 0x88;
const NEWFALSE: u8 = 0x89;
const STOP: u8 = b'.';

/// The call of a function, as RQ keeps it: `(function, instance, args, kwargs)`, here of no instance.
pub(super) fn call(function: &str, args: &[Value], kwargs: &[(String, Value)]) -> Vec<u8> {
    let mut out = PROTO_2.to_vec();
    out.push(MARK);
    text(&mut out, function);
    out.push(NONE);
    tuple(&mut out, args);
    dict(&mut out, kwargs.iter().map(|(name, value)| (name, value)));
    out.extend([TUPLE, STOP]);
    out
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(NONE),
        Value::Bool(true) => out.push(NEWTRUE),
        Value::Bool(false) => out.push(NEWFALSE),
        Value::Number(value) => number(out, value),
        Value::String(value) => text(out, value),
        Value::Array(items) => {
            out.extend([EMPTY_LIST, MARK]);
            items.iter().for_each(|item| write(out, item));
            out.push(APPENDS);
        }
        Value::Object(members) => dict(out, members.iter()),
    }
}

fn tuple(out: &mut Vec<u8>, items: &[Value]) {
    out.push(MARK);
    items.iter().for_each(|item| write(out, item));
    out.push(TUPLE);
}

fn dict<'a>(out: &mut Vec<u8>, members: impl Iterator<Item = (&'a String, &'a Value)>) {
    out.extend([EMPTY_DICT, MARK]);
    for (name, value) in members {
        text(out, name);
        write(out, value);
    }
    out.push(SETITEMS);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(BINUNICODE);
    // No configuration and no name is as long as that.
    out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(text.as_bytes());
}

fn number(out: &mut Vec<u8>, number: &Number) {
    match number.as_i64() {
        Some(whole) => match i32::try_from(whole) {
            Ok(small) => {
                out.push(BININT);
                out.extend(small.to_le_bytes());
            }
            Err(_) => {
                out.extend([LONG1, 8]);
                out.extend(whole.to_le_bytes());
            }
        },
        None => {
            out.push(BINFLOAT);
            out.extend(number.as_f64().unwrap_or(f64::NAN).to_be_bytes());
        }
    }
}
