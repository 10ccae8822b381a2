//! Instances as nodes: what is posted to a cluster's API, and deleted from it. The API here is a stand-in
//! that writes down what it is asked; the nodes' form is that of Kubernetes' own types.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::ask;
use super::emulated::{CALM, Emulated, PLAIN};

/// Longest wait for what must come; it comes within milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn an_instance_joins_with_what_its_user_data_asks_for_and_leaves_when_it_is_terminated() {
    let api = Api::start();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    std::fs::write(&kubeconfig, api.kubeconfig()).unwrap();
    let ec2 = Emulated::start(CALM, PLAIN, &["--kubeconfig", kubeconfig.to_str().unwrap()]);
    assert_eq!(api.next().0, "GET /api/v1/nodes?&limit=1");

    let id = launch(&ec2);
    ec2.advance("44s");
    ec2.advance("1s");
    let (request, node) = api.next();
    assert_eq!(request, "POST /api/v1/nodes?");
    assert_eq!(node["metadata"]["name"], id.as_str());
    assert_eq!(
        node["metadata"]["annotations"]["kwok.x-k8s.io/node"],
        "fake"
    );
    let labels = &node["metadata"]["labels"];
    assert_eq!(labels["sparkwright.dev/managed"], "true");
    assert_eq!(labels["node.kubernetes.io/instance-type"], "m6i.2xlarge");
    let zone = labels["topology.kubernetes.io/zone"].as_str().unwrap();
    assert_eq!(node["spec"]["providerID"], format!("aws:///{zone}/{id}"));
    let taint = json!({"key": "sparkwright.dev/starting", "effect": "NoExecute"});
    assert_eq!(node["spec"]["taints"], json!([taint]));
    assert_eq!(node["status"]["capacity"]["cpu"], "8000m");
    assert_eq!(node["status"]["allocatable"]["pods"], "29");

    let body = format!("Action=TerminateInstances&Version=2016-11-15&InstanceId.1={id}");
    assert_eq!(ask(&ec2, "ec2", &body).0, 200);
    ec2.advance("30s");
    assert_eq!(api.next().0, format!("DELETE /api/v1/nodes/{id}?"));
}

/// Launches an instance whose user data is a NodeConfig; returns its id.
fn launch(ec2: &Emulated) -> String {
    let user_data = "a2luZDogTm9kZUNvbmZpZwpzcGVjOgogIGt1YmVsZXQ6CiAgICBjb25maWc6IHttYXhQb2RzOiAyOSwgcmVnaXN0ZXJXaXRoVGFpbnRzOiBbe2tleTogc3Bhcmt3cmlnaHQuZGV2L3N0YXJ0aW5nLCBlZmZlY3Q6IE5vRXhlY3V0ZX1dfQogICAgZmxhZ3M6IFstLW5vZGUtbGFiZWxzPXNwYXJrd3JpZ2h0LmRldi9tYW5hZ2VkPXRydWVdCg==";
    let user_data = user_data.replace('=', "%3D");
    let image = "resolve:ssm:/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id";
    let template = format!(
        "Action=CreateLaunchTemplate&Version=2016-11-15&LaunchTemplateName=nodes\
         &LaunchTemplateData.ImageId={image}&LaunchTemplateData.UserData={user_data}"
    );
    let (status, answer) = ask(ec2, "ec2", &template);
    assert_eq!(status, 200, "{answer}");
    let fleet = "Action=CreateFleet&Version=2016-11-15&Type=instant\
                 &LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateName=nodes\
                 &LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version=1\
                 &LaunchTemplateConfigs.1.Overrides.1.InstanceType=m6i.2xlarge\
                 &TargetCapacitySpecification.TotalTargetCapacity=1\
                 &TargetCapacitySpecification.DefaultTargetCapacityType=on-demand";
    let (status, answer) = ask(ec2, "ec2", fleet);
    assert_eq!(status, 200, "{answer}");
    let (_, rest) = answer
        .split_once("<instanceIds><item>")
        .expect("an instance is given");
    rest.split('<').next().unwrap().to_owned()
}

/// A stand-in for a cluster's API.
struct Api {
    address: String,
    requests: Receiver<(String, Value)>,
}

impl Api {
    fn start() -> Api {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                thread::spawn(move || serve(&stream.unwrap(), &sender));
            }
        });
        Api { address, requests }
    }

    fn kubeconfig(&self) -> String {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "c", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        });
        config.to_string()
    }

    /// The next request and its body.
    fn next(&self) -> (String, Value) {
        self.requests.recv_timeout(PATIENCE).unwrap()
    }
}

/// Answers requests of a connection: lists are empty, what is created comes back.
fn serve(stream: &TcpStream, sender: &Sender<(String, Value)>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().ok())?
        });
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let request = head
            .lines()
            .next()
            .unwrap()
            .trim_end_matches(" HTTP/1.1")
            .to_owned();
        let answer = match request.split(' ').next() {
            Some("POST") => body.clone(),
            Some("GET") => {
                json!({"apiVersion": "v1", "kind": "NodeList", "metadata": {}, "items": []})
            }
            _ => json!({"apiVersion": "v1", "kind": "Status", "status": "Success"}),
        };
        sender.send((request, body)).unwrap_or_default();
        let (answer, mut stream) = (answer.to_string(), stream);
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        )
        .unwrap();
    }
}
