//! How jobs are made and kept for RQ's workers, in a real Redis. Whether real workers take them is tested in `tests/it/rq`.

use std::io::Write;
use std::process::{Command, Stdio};

use loadtest::redis::Redis;
use serde_json::{Value, json};

use super::*;
use crate::jobs::tests::job;
use crate::secret::Secret;
use Priority::{Play, Prefetch};

struct Bench {
    redis: Redis,
    queue: RqJobs,
}

struct KnowsTheCall;

#[async_trait]
impl Teller for KnowsTheCall {
    async fn told(&self, sid: Sid) -> Result<Option<Told>, QueueError> {
        let (account_sid, tenant) = ("AC1".into(), crate::recording::Tenant::new("t").unwrap());
        Ok(Some(Told { sid, call_sid: sid, recording_sid: None, recording_url: None, account_sid, tenant }))
    }

    async fn looked_up(&self, sid: Sid) -> Result<Option<Told>, QueueError> {
        self.told(sid).await
    }
}

impl Bench {
    async fn new() -> Self {
        let redis = Redis::start().unwrap();
        let broker = Broker::new(&Secret::new(&redis.url())).unwrap();
        broker.start(&TaskTracker::new(), &CancellationToken::new()).await;
        let call = Call { function: "app.tasks.download".into(), args: vec![json!("{call_sid}")], kwargs: Vec::new() };
        let second = Duration::from_secs(1);
        let options = RqOptions {
            queue: "recordings".into(),
            call,
            serializer: Serializer::Json,
            job_timeout: 180 * second,
            result_ttl: 600 * second,
            failure_ttl: 3600 * second,
        };
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        Self { redis, queue: RqJobs::new(broker, options, Arc::new(KnowsTheCall), &tasks, &stop) }
    }

    fn say(&self, command: &str) -> String {
        self.redis.say(command).unwrap()
    }

    /// The jobs in line, the next one first, by the last digit of their SIDs.
    fn line(&self) -> String {
        let answer = self.say("LRANGE rq:queue:recordings 0 -1");
        answer.lines().filter(|line| line.starts_with("landfall-")).filter_map(|line| line.chars().last()).collect()
    }

    /// What RQ's worker does when it takes the first job and begins it.
    fn begins(&self, id: &str, dies_in: i64) {
        self.say("LPOP rq:queue:recordings");
        self.say(&format!("HSET rq:job:{id} status started last_heartbeat 2020-01-01T00:00:00.000000Z"));
        let till = Timestamp::now().seconds() + dies_in;
        self.say(&format!("ZADD rq:wip:recordings {till} {id}:execution"));
    }

    fn ends(&self, id: &str, status: &str) {
        self.say("DEL rq:wip:recordings");
        self.say(&format!("HSET rq:job:{id} status {status}"));
        self.say(&format!("ZADD rq:{status}:recordings 99999999999 {id}"));
    }

    async fn standing(&self, n: u32) -> Standing {
        self.queue.standing(&[job(n, "t", Play).sid]).await.unwrap()[0]
    }

    async fn ensure(&self, n: u32, priority: Priority) -> bool {
        self.queue.ensure(job(n, "t", priority)).await.unwrap()
    }
}

fn id(n: u32) -> String {
    format!("landfall-{}", job(n, "t", Play).sid)
}

#[tokio::test]
async fn a_recording_has_one_job_and_plays_go_to_the_front() {
    let bench = Bench::new().await;
    for (n, priority) in [(1, Prefetch), (2, Prefetch), (3, Play)] {
        assert!(bench.ensure(n, priority).await);
        assert!(!bench.ensure(n, priority).await);
    }
    assert_eq!(bench.line(), "312");
    assert!(!bench.ensure(2, Play).await);
    assert!(!bench.ensure(3, Play).await, "what is at the front stays where it is");
    assert_eq!(bench.line(), "231");
    assert!(!bench.ensure(2, Prefetch).await);
    assert_eq!(bench.line(), "231", "a play does not become a prefetch again");
    assert_eq!(bench.say("SMEMBERS rq:queues"), "*1\r\n$19\r\nrq:queue:recordings\r\n");
    assert_eq!(bench.queue.depth().await.unwrap(), Depth { ready: 3, ..Depth::default() });
}

#[tokio::test]
async fn what_a_worker_is_at_is_not_handed_out_again() {
    let bench = Bench::new().await;
    bench.ensure(1, Play).await;
    assert_eq!(bench.standing(1).await, Standing::Queued);
    bench.begins(&id(1), 90);
    assert_eq!(bench.standing(1).await, Standing::Started);
    for mode in [Mode::Ensure, Mode::Begin, Mode::Restore] {
        assert!(!bench.queue.ask(&job(1, "t", Play), mode).await.unwrap());
    }
    bench.say(&format!("DEL rq:job:{}", id(1)));
    assert_eq!(bench.standing(1).await, Standing::Started, "an evicted job's worker still says that it is at it");
    assert!(!bench.ensure(1, Play).await);
}

#[tokio::test]
async fn an_end_stays_until_somebody_begins_anew() {
    let bench = Bench::new().await;
    for (n, status, standing) in [(1, "failed", Standing::Failed), (2, "finished", Standing::Done)] {
        bench.ensure(n, Play).await;
        bench.begins(&id(n), 90);
        bench.ends(&id(n), status);
        assert_eq!(bench.standing(n).await, standing);
        assert!(!bench.ensure(n, Play).await && bench.line().is_empty());
        assert!(bench.queue.begin(job(n, "t", Play)).await.unwrap());
        assert_eq!((bench.standing(n).await, bench.line()), (Standing::Queued, n.to_string()));
        assert_eq!(bench.say(&format!("ZCARD rq:{status}:recordings")), ":0\r\n");
        bench.queue.withdraw(job(n, "t", Play).sid).await.unwrap();
    }
}

#[tokio::test]
async fn the_job_of_a_dead_worker_is_handed_out_once_more_and_then_has_failed() {
    let bench = Bench::new().await;
    bench.ensure(1, Play).await;
    bench.begins(&id(1), -1);
    assert_eq!(bench.standing(1).await, Standing::Lost);
    assert!(bench.queue.restore(job(1, "t", Play)).await.unwrap());
    assert_eq!(bench.say("ZCARD rq:wip:recordings"), ":0\r\n", "RQ would call the new job failed for it");
    bench.begins(&id(1), -1);
    assert_eq!(bench.standing(1).await, Standing::Failed);
    assert!(!bench.queue.restore(job(1, "t", Play)).await.unwrap());
    assert!(bench.queue.begin(job(1, "t", Play)).await.unwrap());
    bench.begins(&id(1), -1);
    assert_eq!(bench.standing(1).await, Standing::Lost, "it is a job like the first");
}

#[tokio::test]
async fn a_worker_that_spoke_lately_lives_although_its_registration_was_evicted() {
    let bench = Bench::new().await;
    bench.ensure(1, Play).await;
    bench.begins(&id(1), 90);
    bench.say("DEL rq:wip:recordings");
    let beats = |age: i64| Timestamp((Timestamp::now().seconds() - age) * 1000);
    for (age, standing) in [(5, Standing::Started), (60, Standing::Started), (70, Standing::Lost)] {
        bench.say(&format!("HSET rq:job:{} last_heartbeat {}", id(1), beats(age)));
        assert_eq!(bench.standing(1).await, standing, "{age} s");
    }
}

#[tokio::test]
async fn whatever_key_is_evicted_who_asks_again_gets_the_job_into_the_line_once() {
    for victim in ["job:*", "queue:*", "queues", "*"] {
        let bench = Bench::new().await;
        bench.ensure(1, Play).await;
        bench.say(&format!(
            "EVAL \"for _, key in ipairs(redis.call('KEYS', 'rq:{victim}')) do redis.call('DEL', key) end\" 0"
        ));
        // A worker that has just taken it from the line has a moment to begin.
        for _ in 0..2 {
            bench.ensure(1, Play).await;
            tokio::time::sleep(Duration::from_millis(if victim == "queue:*" { 4000 } else { 0 })).await;
        }
        bench.ensure(1, Play).await;
        assert_eq!((bench.line().as_str(), bench.standing(1).await), ("1", Standing::Queued), "without {victim}");
    }
}

#[tokio::test]
async fn a_job_that_stuck_between_line_and_worker_is_handed_out_again_after_a_minute() {
    let bench = Bench::new().await;
    bench.ensure(1, Play).await;
    bench.say("LMOVE rq:queue:recordings rq:queue:recordings:intermediate LEFT RIGHT");
    assert!(!bench.ensure(1, Play).await);
    bench.say(&format!("HINCRBY rq:job:{} landfall_unseen -50", id(1)));
    assert!(!bench.ensure(1, Play).await);
    bench.say(&format!("HINCRBY rq:job:{} landfall_unseen -10", id(1)));
    assert!(bench.ensure(1, Play).await);
    assert_eq!((bench.line().as_str(), &*bench.say("LLEN rq:queue:recordings:intermediate")), ("1", ":0\r\n"));
}

#[tokio::test]
async fn who_may_be_at_a_job_that_redis_forgot_has_time_to_be_done() {
    let bench = Bench::new().await;
    assert!(!bench.queue.restore(job(1, "t", Play)).await.unwrap());
    bench.say(&format!("DECRBY landfall:rq:missed:{} 14", id(1)));
    assert!(!bench.queue.restore(job(1, "t", Play)).await.unwrap());
    bench.say(&format!("DECRBY landfall:rq:missed:{} 1", id(1)));
    assert!(bench.queue.restore(job(1, "t", Play)).await.unwrap());
}

#[tokio::test]
async fn a_withdrawn_job_is_gone_unless_a_worker_is_at_it() {
    let bench = Bench::new().await;
    bench.ensure(1, Play).await;
    bench.ensure(2, Play).await;
    bench.begins(&id(2), 90);
    for n in 1..=3 {
        bench.queue.withdraw(job(n, "t", Play).sid).await.unwrap();
    }
    let standings = bench.queue.standing(&[job(1, "t", Play).sid, job(2, "t", Play).sid]).await.unwrap();
    assert_eq!(standings, [Standing::Lost, Standing::Started]);
    assert_eq!(bench.line(), "");
}

#[tokio::test]
async fn the_line_is_bounded() {
    let bench = Bench::new().await;
    bench.ensure(1, Play).await;
    let second = scripts::ensure(&bench.queue.0, job(2, "t", Play).sid, true, Mode::Ensure, 1, &[]).await.unwrap();
    assert_eq!(second, Ensured::NoRoom);
}

#[tokio::test]
async fn the_staff_are_the_workers_of_the_queue_that_live() {
    let bench = Bench::new().await;
    bench.say("SADD rq:workers:recordings rq:worker:lives rq:worker:dead rq:worker:gone");
    bench.say("HSET rq:worker:lives queues recordings");
    bench.say("HSET rq:worker:dead queues recordings death 2020-01-01T00:00:00.000000Z");
    let staff = bench.queue.staff().await.unwrap();
    assert_eq!((staff.workers, staff.is_suspended), (1, false));
    bench.say("SET rq:suspended 1");
    assert!(bench.queue.staff().await.unwrap().is_suspended);
}

/// What Python makes of bytes.
fn python(script: &str, bytes: &[u8]) -> Value {
    let mut child =
        Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn python_reads_what_was_pickled_and_packed() {
    let values = json!([
        null, true, false, 0, -1, i32::MAX, i64::from(i32::MAX) + 1, i64::MIN, 1.5, "", "שלום \u{1F3A7}",
        [], [[1, "two"]], {}, {"a": {"b": [null]}},
    ]);
    let args = values.as_array().unwrap();
    let long = "x".repeat(200_000);
    let pickled = pickle::call("app.tasks.download", args, &[("long".into(), json!(long))]);
    let script = "import sys, json, pickle, zlib\n\
                  function, instance, args, kwargs = pickle.loads(zlib.decompress(sys.stdin.buffer.read()))\n\
                  assert type(args) is tuple\n\
                  print(json.dumps([function, instance, args, kwargs]))";
    let read = python(script, &packed::packed(&pickled));
    assert_eq!(read, json!(["app.tasks.download", null, values, {"long": long}]));
}
