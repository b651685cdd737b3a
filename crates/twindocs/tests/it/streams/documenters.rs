//! Documenters that need no model.

use phase_kit::testing::FakeOrchestrator;
use serde_json::{Value, json};
use twindocs::records::{
    Stream,
    documented::{CallKind, Entry, StreamFile},
};

use super::world::{analysed, codebase, document, host, of_files, resolved};

const SHOP: &str = r#"
"""A shop."""


class Till:
    """Takes money."""

    def __init__(self, start: int):
        self.sum = start

    def pay(self, amount: int, note: str = "") -> int:
        """Adds an amount to the sum.

        Args:
            amount: how much

        Returns:
            The new sum.
        """
        if amount < 0:
            raise ValueError("less than nothing")
        for part in split(amount):
            self.add(part)
        return self.sum

    def add(self, part):
        self.sum += part


def split(amount):
    return [amount]


def open_shop():
    till = Till(1)
    return till.pay(2)
"#;

async fn once(stream: Stream, service: &str) -> StreamFile {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    analysed(&fake, &of_files(&[("shop.py", SHOP)]));
    let host = host(service, folder.path(), Value::Null);
    let (output, file) = document(&fake, &host, (stream, 1), &json!({ "validationBatch": 4 })).await;
    assert_eq!((output.written, output.reused, output.failed, output.tokens), (7, 0, 0, 0));
    let sizes: Vec<usize> = output.batches.iter().map(|batch| batch.components.len()).collect();
    assert_eq!(sizes, [4, 3]);
    assert!(
        output.batches.iter().enumerate().all(|(at, batch)| batch.number == at && batch.stream == stream)
    );
    file
}

fn callees(entry: &Entry) -> Vec<(&str, Option<u32>, CallKind)> {
    let all = entry.call_graph.callees.iter();
    all.map(|call| (&*call.component_id, call.call_site_line, call.call_type)).collect()
}

#[tokio::test]
async fn derived_documentation_says_what_can_be_read_off_and_names_its_author() {
    let file = once(Stream::A, "documenter_a").await;
    let pay = &file.entries["shop.py::Till.pay"];
    let docs = &pay.documentation;
    assert_eq!(docs.summary, "Adds an amount to the sum.");
    assert_eq!(docs.parameters[0].description, "how much");
    assert_eq!((&*docs.parameters[1].name, docs.parameters[1].required), ("note", false));
    assert_eq!(docs.returns.as_ref().expect("an int comes out").description, "The new sum.");
    assert_eq!((&*docs.raises[0].kind, &*docs.raises[0].condition), ("ValueError", "when `amount < 0`"));
    assert_eq!(
        callees(pay),
        [("shop.py::Till.add", Some(23), CallKind::Loop), ("shop.py::split", Some(22), CallKind::Loop)]
    );
    let callers: Vec<&str> = pay.call_graph.callers.iter().map(|call| &*call.component_id).collect();
    assert_eq!(callers, ["shop.py::open_shop"]);
    assert_eq!(
        (&*pay.metadata.model, &*pay.metadata.agent_id, pay.metadata.token_count),
        ("derived", "A1", None)
    );
    assert_eq!(file.entries["shop.py::split"].documentation.summary, "Splits what it is given.");
}

#[tokio::test]
async fn a_skimmed_stream_reads_the_text_alone() {
    let file = once(Stream::B, "documenter_b").await;
    let pay = &file.entries["shop.py::Till.pay"];
    assert_eq!(pay.documentation.summary, "Adds an amount to the sum.");
    let names: Vec<&str> = pay.documentation.parameters.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["amount", "note"]);
    assert_eq!(pay.documentation.returns.as_ref().expect("an int comes out").kind.as_deref(), Some("int"));
    let found: Vec<&str> = callees(pay).iter().map(|call| call.0).collect();
    assert_eq!(found, ["shop.py::Till.add", "shop.py::split"]);
    // It takes the class for what is called: which method that runs, it cannot see.
    let open: Vec<&str> = callees(&file.entries["shop.py::open_shop"]).iter().map(|call| call.0).collect();
    assert_eq!(open, ["shop.py::Till", "shop.py::Till.pay"]);
    assert_eq!((&*pay.metadata.model, &*pay.metadata.agent_id), ("skimmed", "B1"));
}

#[tokio::test]
async fn the_second_look_drops_what_has_only_a_name_for_evidence_and_takes_over_what_the_text_supports() {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    analysed(&fake, &of_files(&[("shop.py", SHOP)]));
    let host = host("documenter_b", folder.path(), Value::Null);
    document(&fake, &host, (Stream::B, 1), &json!({})).await;
    let told = json!({ "shop.py::open_shop": {
        "component_id": "shop.py::open_shop",
        "edges_only_in_other_stream": ["shop.py::Till.__init__", "shop.py::split"],
        "edges_to_verify": ["shop.py::Till.pay"],
        "other_says": {
            "/documentation/summary": "Opens the shop with a till and pays.",
            "/documentation/description": "Sends an e-mail to every customer in the morning.",
        },
        "message": "",
    } });
    resolved(&fake, (Stream::B, 1), |_| {}, &told);
    let (output, file) = document(&fake, &host, (Stream::B, 2), &json!({})).await;
    assert_eq!((output.written, output.reused), (1, 6));
    let entry = &file.entries["shop.py::open_shop"];
    let found: Vec<&str> = callees(entry).iter().map(|call| call.0).collect();
    // `Till(1)` supports the constructor; nothing in the text supports `split`; `till.pay` had only its name.
    assert_eq!(found, ["shop.py::Till", "shop.py::Till.__init__"]);
    assert_eq!(entry.documentation.summary, "Opens the shop with a till and pays.");
    assert!(!entry.documentation.description.contains("e-mail"));
    assert_eq!((entry.written_in, file.entries["shop.py::split"].written_in), (2, 1));
    assert!(
        file.entries["shop.py::Till.pay"].call_graph.callers.is_empty(),
        "its caller has withdrawn the call"
    );
}

#[tokio::test]
async fn what_was_corrected_and_is_not_asked_about_is_taken_over_bit_for_bit() {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    analysed(&fake, &codebase(3, 8));
    let host = host("documenter_a", folder.path(), Value::Null);
    document(&fake, &host, (Stream::A, 1), &json!({})).await;
    let correct = |file: &mut StreamFile| {
        let entry = file.entries.get_mut("m1.py::m1f5").expect("it is there");
        entry.documentation.summary = "As a person said.".to_owned();
        entry.call_graph.callees.clear();
    };
    resolved(&fake, (Stream::A, 1), correct, &json!({}));
    let (output, file) = document(&fake, &host, (Stream::A, 2), &json!({})).await;
    assert_eq!((output.written, output.reused), (0, file.entries.len()));
    let before: StreamFile = super::world::get(&fake, "a/1/resolved.json");
    assert_eq!(file.entries, before.entries);
}

#[tokio::test]
async fn another_job_over_a_changed_file_documents_what_changed_and_what_depends_on_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host("documenter_a", folder.path(), Value::Null);
    let mut code = codebase(4, 8);
    let first = FakeOrchestrator::start().await;
    analysed(&first, &code);
    let (output, before) = document(&first, &host, (Stream::A, 1), &json!({})).await;
    let total = output.written;
    assert_eq!((total, output.reused), (36, 0));

    let same = FakeOrchestrator::start().await;
    analysed(&same, &code);
    let (output, after) = document(&same, &host, (Stream::A, 1), &json!({})).await;
    assert_eq!((output.written, output.reused), (0, total));
    assert_eq!(after.entries, before.entries);

    // One function says something else, and everything below it in the file has moved.
    let text = code.files[1].text.replace("Counts 3 of part 1.", "Counts three of part 1.\n\n    In words.");
    code.files[1].text = text;
    let changed = FakeOrchestrator::start().await;
    analysed(&changed, &code);
    let (output, after) = document(&changed, &host, (Stream::A, 1), &json!({})).await;
    assert_eq!((output.written, output.reused), (1, total - 1), "what only moved is not written again");
    let moved = |file: &StreamFile| file.entries["m1.py::m1f5"].call_graph.callees[0].call_site_line;
    assert_eq!(moved(&after).expect("a line"), moved(&before).expect("a line") + 2);
}

#[tokio::test]
async fn a_derived_stream_takes_over_calls_that_the_code_leaves_open_where_the_receiver_is_named_so() {
    let (fake, folder) = (FakeOrchestrator::start().await, tempfile::tempdir().expect("a folder"));
    let user = "def use(till, thing):\n    till.pay(1)\n    thing.add(2)\n";
    analysed(&fake, &of_files(&[("shop.py", SHOP), ("user.py", user)]));
    let host = host("documenter_a", folder.path(), Value::Null);
    document(&fake, &host, (Stream::A, 1), &json!({})).await;
    let told = json!({ "user.py::use": {
        "component_id": "user.py::use",
        "edges_only_in_other_stream": ["shop.py::Till.pay", "shop.py::Till.add", "shop.py::split"],
    } });
    resolved(&fake, (Stream::A, 1), |_| {}, &told);
    let (_, file) = document(&fake, &host, (Stream::A, 2), &json!({})).await;
    // `thing` may be anything, and nothing is called `split` there.
    assert_eq!(callees(&file.entries["user.py::use"]), [("shop.py::Till.pay", Some(2), CallKind::Direct)]);
}
