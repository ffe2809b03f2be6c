//! Our check of signatures against the official SDKs', on the same requests, good ones and forged ones.

mod requests;
mod sdk;

use landfall::source::twilio::signature::{Signed, is_valid};
use loadtest::twilio::signature::sign_form;

use requests::{Dice, Request};

const REQUESTS: usize = 4000;

fn ours(request: &Request) -> bool {
    let signed = match (&request.form, &request.body) {
        (_, Some(body)) => Signed::Body(body.as_bytes()),
        (form, None) => Signed::Form(form.as_deref().unwrap_or_default()),
    };
    is_valid(&request.token, &request.url, &signed, &request.signature)
}

/// The SDKs themselves disagree where one knows a spelling of the URL that the other does not: there one's word is enough.
#[test]
fn a_signature_is_good_where_an_official_sdk_says_so_and_only_there() {
    let mut dice = Dice(0x1a9d_fa11);
    let requests: Vec<Request> = (0..REQUESTS).map(|_| Request::any(&mut dice)).collect();
    let (python, node) = (sdk::python(&requests), sdk::node(&requests));
    let mut good = [0; 2];
    let mut same = [0; 2];
    for ((request, python), node) in requests.iter().zip(&python).zip(&node) {
        let ours = ours(request);
        assert_eq!(ours, python.accepts || node.accepts, "ours, {python:?}, {node:?} of {request:?}");
        for (n, answer) in [python, node].into_iter().enumerate() {
            same[n] += usize::from(answer.accepts == ours);
            good[n] += usize::from(answer.accepts);
        }
        let signature = sign_form(&request.token, &request.url, request.form.as_deref().unwrap_or_default());
        assert_eq!(python.signature, signature, "{request:?}");
        if !request.beyond_the_first_plane() {
            assert_eq!(node.signature, signature, "{request:?}");
        }
    }
    let split =
        requests.iter().zip(python.iter().zip(&node)).filter(|(_, (python, node))| python.accepts != node.accepts);
    println!(
        "{REQUESTS} requests; PyPI: {} agree, {} good; npm: {} agree, {} good",
        same[0], good[0], same[1], good[1]
    );
    for (request, (python, node)) in split {
        assert!(
            request.is_spelled_oddly(),
            "the SDKs disagree for no reason we know: {python:?}, {node:?} of {request:?}"
        );
    }
    assert!(same.iter().all(|same| *same >= REQUESTS * 9 / 10), "{same:?}");
    assert!(good.iter().all(|good| (REQUESTS / 4..REQUESTS * 3 / 4).contains(good)), "{good:?}");
}
