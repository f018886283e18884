//! What the tests of the desk share: runs of people, a desk over loopback, and somebody who calls it.
#![allow(dead_code)] // every test file uses its own part

pub mod browser;
pub mod hook;

use rescind::training::TrainingSettings;
use rescind::{ModelChoice, Parameterisation, Run, RunConfig};
use rescind_network::Loss;
use rescind_service::policy::Policy;
use rescind_service::{Limits, ModelGiven, Notice, Role, Settings, Tokens, serve};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A run on three records of each of so many people, `NAME-0` and on.
pub fn people(folder: &Path, name: &str, people: usize) -> PathBuf {
    let table = folder.join(format!("{name}.csv"));
    let mut text = "age,dose,person,outcome\n".to_owned();
    for i in 0..3 * people {
        let class = if i % 5 < 2 { "sick" } else { "well" };
        let _ = writeln!(
            text,
            "0.{},0.{},{name}-{},{class}",
            i % 7,
            i % 11,
            i % people
        );
    }
    std::fs::write(&table, text).unwrap();
    let source = format!(
        "csv:{}?label=outcome&subject=person&test=0",
        table.display()
    );
    let config = RunConfig {
        data: source.parse().unwrap(),
        classes: Some(["sick", "well"].map(str::to_owned).to_vec()),
        model: ModelChoice::Logistic,
        training: TrainingSettings {
            penalty: 1e-2,
            until_gradient: Some(1e-6),
            ..TrainingSettings::default()
        },
        parameterisation: Parameterisation::Tangent,
        loss: Loss::SquaredError,
        keep_iterates: false,
        ..RunConfig::default()
    };
    let root = folder.join(name);
    let mut run = Run::create(&root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    run.refresh(&mut ()).unwrap();
    root
}

/// Answers at once, and releases with every batch.
pub fn released() -> Policy {
    policy(json!({"release": {
        "when": "each", "noise": {"by": "sigma", "sigma": 0.05, "delta": 1e-5}
    }}))
}

/// Releases are made when an operator asks for one.
pub fn asked() -> Policy {
    policy(json!({"release": {
        "when": "asked", "noise": {"by": "sigma", "sigma": 0.05, "delta": 1e-5},
    }}))
}

pub fn policy(value: Value) -> Policy {
    serde_json::from_value(value).unwrap()
}

pub fn model(name: &str, run: &Path, policy: Policy) -> ModelGiven {
    ModelGiven {
        name: name.to_owned(),
        run: run.to_owned(),
        policy: Some(policy),
    }
}

/// A desk that runs in this process.
pub struct Running {
    pub folder: PathBuf,
    pub at: String,
    pub notices: Arc<Mutex<Vec<Notice>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    requester: String,
    operator: String,
    auditor: String,
}

pub fn settings(folder: &Path, models: Vec<ModelGiven>) -> Settings {
    Settings {
        folder: folder.to_owned(),
        database: None,
        listen: "127.0.0.1:0".to_owned(),
        tls: None,
        serves: true,
        workers: 1,
        runs: vec![folder.parent().unwrap().to_owned()],
        models,
        replaces: false,
        alerts: None,
        private_callbacks: true,
        limits: Limits::default(),
        hears: Arc::new(|_| ()),
        ends: Arc::new(|| false),
    }
}

impl Running {
    /// What the audit log says was done, in order.
    pub fn actions(&self) -> Vec<String> {
        let entries = self.as_auditor().get("/v1/audit?limit=1000").good();
        let entries = entries.as_array().unwrap().iter();
        entries
            .map(|entry| entry["action"].as_str().unwrap().to_owned())
            .collect()
    }

    pub fn start(settings: Settings) -> Self {
        let tokens = Tokens::open_or_make(&settings.folder, settings.database.as_deref()).unwrap();
        let token = |role| tokens.make("shop", role, None).unwrap();
        let made = [Role::Requester, Role::Operator, Role::Auditor].map(token);
        Self::start_with(settings, made)
    }

    /// Starts one that has these tokens: of a requester, an operator, an auditor.
    pub fn start_with(mut settings: Settings, tokens: [String; 3]) -> Self {
        let folder = settings.folder.clone();
        let (sender, receiver) = channel();
        let notices = Arc::new(Mutex::new(Vec::new()));
        let ends = Arc::new(AtomicBool::new(false));
        let (kept, asked, sender) = (Arc::clone(&notices), Arc::clone(&ends), Mutex::new(sender));
        settings.hears = Arc::new(move |notice: &Notice| {
            if let Notice::Listening { at } = notice {
                let _ = sender.lock().unwrap().send(at.clone());
            }
            kept.lock().unwrap().push(notice.clone());
        });
        settings.ends = Arc::new(move || asked.load(Ordering::Relaxed));
        let [requester, operator, auditor] = tokens;
        Self {
            requester,
            operator,
            auditor,
            folder,
            notices,
            ends,
            thread: Some(thread::spawn(move || serve(settings).unwrap())),
            at: receiver.recv_timeout(Duration::from_secs(60)).unwrap(),
        }
    }

    pub fn token(&self, role: Role) -> &str {
        match role {
            Role::Requester => &self.requester,
            Role::Operator => &self.operator,
            Role::Auditor => &self.auditor,
        }
    }

    /// Another owner's token.
    pub fn another(&self, owner: &str, role: Role) -> String {
        let tokens = Tokens::open(&self.folder, None).unwrap();
        tokens.make(owner, role, None).unwrap()
    }

    pub fn as_requester(&self) -> Caller {
        self.caller(&self.requester)
    }

    pub fn as_operator(&self) -> Caller {
        self.caller(&self.operator)
    }

    pub fn as_auditor(&self) -> Caller {
        self.caller(&self.auditor)
    }

    pub fn caller(&self, token: &str) -> Caller {
        Caller::new(&self.at, Some(token))
    }

    /// Ends it, and waits until it has.
    pub fn end(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Somebody who calls.
#[derive(Clone)]
pub struct Caller {
    at: String,
    token: Option<String>,
    agent: ureq::Agent,
}

/// What is answered.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub kind: String,
    pub bytes: Vec<u8>,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|_| panic!("{}: {}", self.status, String::from_utf8_lossy(&self.bytes)))
    }

    /// Its body, where all went well.
    pub fn good(&self) -> Value {
        assert!(self.status < 300, "{}: {}", self.status, self.json());
        self.json()
    }

    /// The code of a problem under this status.
    pub fn problem(&self, status: u16) -> String {
        let json = self.json();
        assert_eq!(self.status, status, "{json}");
        assert_eq!(self.kind, "application/problem+json", "{json}");
        assert_eq!(json["status"], status);
        let code = json["code"].as_str().unwrap();
        assert_eq!(json["type"], format!("urn:rescind:problem:{code}"));
        code.to_owned()
    }
}

impl Caller {
    pub fn new(at: &str, token: Option<&str>) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let config = config.timeout_global(Some(Duration::from_secs(60)));
        Self {
            at: at.to_owned(),
            token: token.map(str::to_owned),
            agent: config.build().into(),
        }
    }

    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answered {
        self.call_with(method, path, body, &[])
    }

    pub fn call_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answered {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.at));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = match body {
            Some(body) => {
                let request = request.header("Content-Type", "application/json");
                self.agent.run(request.body(body.to_string()).unwrap())
            }
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut answer = answer.unwrap();
        let kind = answer.headers().get("content-type");
        Answered {
            status: answer.status().as_u16(),
            kind: kind.map_or(String::new(), |kind| kind.to_str().unwrap().to_owned()),
            bytes: answer
                .body_mut()
                .with_config()
                .limit(1 << 30)
                .read_to_vec()
                .unwrap(),
        }
    }

    pub fn get(&self, path: &str) -> Answered {
        self.call("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answered {
        self.call("POST", path, Some(body))
    }

    /// Asks for somebody to be forgotten; the desk's name for the request.
    pub fn ask(&self, subject: &str) -> String {
        let story = self.post("/v1/requests", &of_subject(subject)).good();
        story["request_id"].as_str().unwrap().to_owned()
    }

    /// Looks at a request until it stands so.
    pub fn until(&self, id: &str, status: &str) -> Value {
        self.until_that(&format!("/v1/requests/{id}"), |story| {
            story["request_status"] == status
        })
    }

    /// Looks somewhere until it is so.
    pub fn until_that(&self, path: &str, so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let found = self.get(path).good();
            if so(&found) {
                return found;
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "{path}: {found:#}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

pub fn of_subject(subject: &str) -> Value {
    json!({"subject_identities": [{"identity_value": subject}]})
}
