//! What `jobs = "rq"` needs.

use super::*;

#[test]
fn jobs_of_rq_need_a_redis_and_a_function_and_every_fault_is_told() {
    assert!(good("rq.function = 'a.b'").rq_options().is_none(), "jobs is landfall");
    let options =
        good("jobs = 'rq'\nredis_url = 'redis://r'\nrq.function = 'app.tasks.download'").rq_options().unwrap();
    assert_eq!((&*options.queue, options.call.args.len(), options.call.kwargs.len()), ("recordings", 2, 0));
    assert_eq!(faults("jobs = 'rq'").len(), 2);
    assert_eq!(faults("jobs = 'rq'\nredis_url = 'redis://r'"), ["rq.function: is not set, and jobs is rq"]);
    let all = "jobs = 'celery'
[rq]
queue = 'my queue'
function = 'download'
args = ['{calsid}']
kwargs = ['{sid}']
serializer = 'yaml'
job_timeout = '0s'
result_ttl = '1s'
failure_ttl = 3
retries = 2";
    let faults = faults(all);
    for key in
        ["jobs", "rq.queue", "rq.function", "rq.args", "rq.kwargs", "rq.serializer", "rq.job_timeout", "rq.result_ttl"]
    {
        assert!(faults.iter().any(|fault| fault.starts_with(key)), "{key} in {faults:?}");
    }
    assert_eq!(faults.len(), 10, "{faults:?}");
}

#[test]
fn arguments_for_rq_may_stand_in_variables_as_json() {
    let config = with_vars(&[
        ("LANDFALL_JOBS", "rq"),
        ("LANDFALL_REDIS_URL", "redis://r"),
        ("LANDFALL_RQ__FUNCTION", "tasks.get"),
        ("LANDFALL_RQ__ARGS", r#"["{sid}", 7, [true, {"t": "{tenant:int}"}]]"#),
        ("LANDFALL_RQ__KWARGS", r#"{"url": "{recording_url}"}"#),
    ]);
    let call = config.unwrap().rq_options().unwrap().call;
    assert_eq!(serde_json::Value::from(call.args), serde_json::json!(["{sid}", 7, [true, {"t": "{tenant:int}"}]]));
    assert_eq!(call.kwargs, [("url".to_owned(), "{recording_url}".into())]);
}
