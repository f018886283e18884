//! A browser without a script.

use super::Running;
use std::time::Duration;

/// A browser that keeps the desk's cookie.
pub struct Browser {
    at: String,
    agent: ureq::Agent,
    pub cookie: Option<String>,
}

pub struct Page {
    pub status: u16,
    pub text: String,
    pub to: Option<String>,
    pub policy: String,
}

impl Browser {
    pub fn new(desk: &Running) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let config = config.max_redirects(0).max_redirects_will_error(false);
        Self {
            at: desk.at.clone(),
            agent: config
                .timeout_global(Some(Duration::from_secs(30)))
                .build()
                .into(),
            cookie: None,
        }
    }

    pub fn call(&mut self, method: &str, path: &str, form: &str) -> Page {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.at));
        if let Some(cookie) = &self.cookie {
            request = request.header("Cookie", cookie);
        }
        let answer = match method {
            "GET" => self.agent.run(request.body(()).unwrap()),
            _ => {
                let kind = "application/x-www-form-urlencoded";
                let request = request.header("Content-Type", kind);
                self.agent.run(request.body(form.to_owned()).unwrap())
            }
        };
        let mut answer = answer.unwrap();
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        if let Some(set) = header("set-cookie") {
            assert!(set.contains("; HttpOnly; SameSite=Strict"), "{set}");
            self.cookie = set.split(';').next().map(str::to_owned);
        }
        Page {
            status: answer.status().as_u16(),
            to: header("location"),
            policy: header("content-security-policy").unwrap(),
            text: answer.body_mut().read_to_string().unwrap(),
        }
    }

    pub fn get(&mut self, path: &str) -> Page {
        self.call("GET", path, "")
    }

    pub fn sign_in(&mut self, token: &str) -> Page {
        self.call("POST", "/desk/login", &format!("token={token}"))
    }
}
