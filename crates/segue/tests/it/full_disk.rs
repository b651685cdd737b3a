//! A disk that is full, end to end: a small file system of its own, which is then made larger.
//!
//! `slow`, since it needs a kernel that lets users mount in a namespace of theirs: most containers do not.

use crate::support::{Home, Running, send};

/// Holds the journal's first segment (64 MiB) and a few files, and no second segment.
const SMALL: &str = "80m";
const LARGER: &str = "250m";
const LARGE: &str = "400m";
/// Runs the orchestrator on the small file system, and after its end on the same one made larger.
const SCRIPT: &str = "mount -t tmpfs -o size=$1 segue .segue && \"$0\" orchestrate; mount -o remount,size=$2 .segue && exec \"$0\" orchestrate";
const ASK: &str = "name='ask'\n[[phase]]\nid='decide'\nwait={signal='go',timeout='1h',on_timeout='fail'}\n";

mod slow {
    use std::{
        process::Command,
        time::{Duration, Instant},
    };

    use rustix::process::{Signal, kill_process};

    use super::{ASK, Home, LARGE, LARGER, Running, SCRIPT, SMALL, send};

    fn start(home: &Home, number: usize) -> (u16, serde_json::Value) {
        let input = "x".repeat(900_000);
        let body = format!("{{\"pipeline\":\"ask\",\"key\":\"k{number}\",\"input\":{{\"x\":\"{input}\"}}}}");
        send("POST", &home.url("/api/jobs"), body.as_bytes())
    }

    #[test]
    fn a_full_disk_refuses_by_its_code_and_loses_nothing_that_was_acknowledged() {
        let home = Home::new("", &[("ask.toml", ASK)]);
        std::fs::create_dir(home.path(".segue")).unwrap();
        let segue = home.command(&[]);
        let mut unshare = Command::new("unshare");
        unshare.args(["-rm", "sh", "-c", SCRIPT]).arg(segue.get_program()).args([SMALL, LARGE]);
        unshare.current_dir(home.path("."));
        let mut running = Running::start(unshare);
        running.line("orchestrator is ready");

        let mut acknowledged = 0;
        let (status, problem) = loop {
            let (status, answer) = start(&home, acknowledged);
            if status != 201 {
                break (status, answer);
            }
            acknowledged += 1;
        };
        assert_eq!((status, problem["code"].as_str()), (507, Some("disk-full")), "{problem}");
        assert!(acknowledged > 30, "{acknowledged}");
        let (status, problem) = start(&home, acknowledged + 1);
        assert_eq!((status, problem["code"].as_str()), (507, Some("disk-full")), "{problem}");
        assert_eq!(home.get("/health").0, 200, "it goes on");

        let children = running.children();
        let (orchestrator, _) = children.iter().find(|(_, line)| line.contains("orchestrate")).unwrap();
        // Somebody makes room: it goes on by itself.
        let mut nsenter = Command::new("nsenter");
        nsenter.args([
            "-t",
            &orchestrator.as_raw_nonzero().to_string(),
            "-U",
            "-m",
            "--preserve-credentials",
        ]);
        nsenter.args(["mount", "-o", &format!("remount,size={LARGER}"), "segue"]).arg(home.path(".segue"));
        assert!(nsenter.status().unwrap().success());
        let end = Instant::now() + Duration::from_secs(30);
        while start(&home, acknowledged).0 != 201 {
            assert!(Instant::now() < end, "there is room, and it does not go on");
            running.pass(Duration::from_millis(100));
        }
        acknowledged += 1;

        kill_process(*orchestrator, Signal::TERM).unwrap();
        running.line("orchestrator is ready");
        for number in 0..acknowledged {
            let id = home.id_of(&format!("k{number}"));
            assert_eq!(home.job(&id)["status"], "waiting", "k{number}");
        }
        let (_, refused) = home.get(&format!("/api/jobs?key=k{acknowledged}"));
        assert_eq!(refused["jobs"], serde_json::json!([]), "what was refused did not happen");
        assert_eq!(start(&home, acknowledged).0, 201, "there is room again");
    }
}
