"""A client that is not ours (Eclipse Paho of Debian) through one scenario: what to do on stdin, what came of it on stdout.

The first line of stdin is a JSON object: scenario, port, filter, qos, messages ([topic, payload] each), retain. With
`restart` a line `ready` on stdout asks for the hub to be killed and started again.
"""

import json
import sys
import threading
import time

import paho.mqtt.client as mqtt

TASK = json.loads(sys.stdin.readline())
LIMIT_S = 60


class Peer:
    """One connection with what it heard."""

    def __init__(self, name, clean=True, subscribe=None, keepalive=60, will=None):
        self.heard = []
        self.session_present = None
        self.connected = threading.Event()
        self.subscribed = threading.Event()
        self.disconnects = 0
        self.acknowledged = set()
        self.client = mqtt.Client(name, clean_session=clean, protocol=mqtt.MQTTv311)
        self.client.reconnect_delay_set(1, 1)
        if will:
            self.client.will_set(*will)

        def on_connect(client, _data, flags, code):
            assert code == 0, f"CONNACK {code}"
            self.session_present = flags["session present"]
            self.connected.set()
            if subscribe:
                client.subscribe(*subscribe)

        def on_message(_client, _data, message):
            self.heard.append([message.topic, message.payload.decode(), message.qos, bool(message.retain)])

        def on_disconnect(_client, _data, _code):
            self.connected.clear()
            self.disconnects += 1

        self.client.on_publish = lambda _client, _data, mid: self.acknowledged.add(mid)
        self.client.on_connect = on_connect
        self.client.on_message = on_message
        self.client.on_disconnect = on_disconnect
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.connect("127.0.0.1", TASK["port"], keepalive)
        self.client.loop_start()
        assert self.connected.wait(LIMIT_S), "no CONNACK"
        if subscribe:
            assert self.subscribed.wait(LIMIT_S), "no SUBACK"

    def say(self, messages, qos, retain=False):
        sent = [self.client.publish(topic, payload, qos, retain) for topic, payload in messages]
        for one in sent:
            one.wait_for_publish(LIMIT_S)
            assert one.is_published(), "not acknowledged"

    def until(self, count):
        ends = time.monotonic() + LIMIT_S
        while len(self.heard) < count and time.monotonic() < ends:
            time.sleep(0.01)
        return self.heard

    def until_all(self, topics):
        ends = time.monotonic() + LIMIT_S
        while not topics <= {one[0] for one in self.heard} and time.monotonic() < ends:
            time.sleep(0.01)
        return self.heard

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()


def both_ways():
    reader = Peer("paho-reader", subscribe=(TASK["filter"], TASK["qos"]))
    writer = Peer("paho-writer")
    writer.say(TASK["messages"], TASK["qos"], TASK.get("retain", False))
    return {"heard": reader.until(len(TASK["messages"]))}


def retained():
    writer = Peer("paho-writer")
    writer.say(TASK["messages"], 1, True)
    reader = Peer("paho-reader", subscribe=(TASK["filter"], 1))
    # The hub keeps what earlier scenarios left, too.
    wanted = {topic for topic, _ in TASK["messages"]}
    return {"heard": reader.until_all(wanted)}


def will():
    reader = Peer("paho-reader", subscribe=(TASK["filter"], 1))
    topic, payload = TASK["messages"][0]
    mortal = Peer("paho-mortal", will=(topic, payload, 1, True))
    mortal.client.loop_stop()
    mortal.client.socket().close()
    return {"heard": reader.until(1)}


def session():
    first = Peer("paho-keeper", clean=False, subscribe=(TASK["filter"], 1))
    first.end()
    Peer("paho-writer").say(TASK["messages"], 1)
    again = Peer("paho-keeper", clean=False)
    return {"present": again.session_present, "was": first.session_present, "heard": again.until(len(TASK["messages"]))}


def keep_alive():
    peer = Peer("paho-quiet", subscribe=(TASK["filter"], 1), keepalive=1)
    time.sleep(4)
    Peer("paho-writer").say(TASK["messages"], 1)
    return {"heard": peer.until(len(TASK["messages"])), "disconnects": peer.disconnects}


def restart():
    reader = Peer("paho-reader", subscribe=(TASK["filter"], 1))
    writer = Peer("paho-writer")
    half = len(TASK["messages"]) // 2
    writer.say(TASK["messages"][:half], 1)
    reader.until(half)
    reader.subscribed.clear()
    print("ready", flush=True)
    # The hub is gone now: this waits in the client.
    sys.stdin.readline()
    waiting = [writer.client.publish(topic, payload, 1) for topic, payload in TASK["messages"][half:]]
    print("waiting", flush=True)
    ids = {one.mid for one in waiting}
    ends = time.monotonic() + LIMIT_S
    while not ids <= writer.acknowledged and time.monotonic() < ends:
        time.sleep(0.01)
    return {"published": ids <= writer.acknowledged, "disconnects": [reader.disconnects, writer.disconnects]}


print(json.dumps({"both-ways": both_ways, "retained": retained, "will": will, "session": session,
                  "keep-alive": keep_alive, "restart": restart}[TASK["scenario"]]()), flush=True)
