"""A topic that a program reads is deleted: the program says so, and ends when it is told to."""
import confluent_kafka.admin
import pytest
from harness import WORKERS, eventually


@pytest.mark.parametrize("name", WORKERS)
def test_program_ends_though_its_topic_is_gone(pipeline, name):
    p = pipeline(standin=False)
    p.start(name)
    topic = f"{p.prefix}.{'integrations' if name == 'validator' else 'checks'}"
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": p.servers})
    admin.delete_topics([topic], operation_timeout=30)[topic].result()
    eventually(lambda: "a partition cannot go on" in p.log(name), what="the stopped partitions")
    assert p.terminate(name) == 0
