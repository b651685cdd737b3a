//! The assistant's three scenarios with real processes: what `scripts/assistant-demo` shows is what holds.

/// In seconds of real time, with a model that thinks: the same three without any are in the orchestrator's tests.
mod slow {
    use std::{path::Path, process::Command};

    #[test]
    fn the_demo_of_the_assistant_holds() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let demo = Command::new(root.join("scripts/assistant-demo"))
            .env("SEGUE", env!("CARGO_BIN_EXE_segue"))
            .env("NO_COLOR", "1")
            .output()
            .expect("python3 is there");
        let shown = String::from_utf8_lossy(&demo.stdout);
        assert!(demo.status.success(), "{shown}{}", String::from_utf8_lossy(&demo.stderr));
        assert_eq!(shown.matches("  holds: ").count(), 9, "{shown}");
    }
}
