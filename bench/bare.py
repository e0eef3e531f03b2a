"""The baseline of `bench.agent`: the same requests with bare pymodbus, one JSON message per poll with bare aiomqtt.

Usage: python -m bench.bare MODBUS_PORT MQTT_PORT INTERVAL_S REQUESTS
REQUESTS is JSON: [[unit, function, address, count], …]
"""

import asyncio
import json
import sys
import time

import aiomqtt
from pymodbus.client import AsyncModbusTcpClient


async def main(modbus_port: int, mqtt_port: int, interval_s: float, requests: list[list[int]]) -> None:
    loop = asyncio.get_running_loop()
    bus = AsyncModbusTcpClient("127.0.0.1", port=modbus_port)
    await bus.connect()
    calls = {1: bus.read_coils, 2: bus.read_discrete_inputs, 3: bus.read_holding_registers, 4: bus.read_input_registers}
    async with aiomqtt.Client("127.0.0.1", port=mqtt_port) as broker:
        due = loop.time()
        while True:
            words = []
            for unit, function, address, count in requests:
                answer = await calls[function](address, count=count, device_id=unit)
                words.append(answer.registers)
            await broker.publish("bare", json.dumps({"time": time.time(), "words": words}), qos=1)
            due += interval_s
            await asyncio.sleep(max(0.0, due - loop.time()))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), json.loads(sys.argv[4])))
