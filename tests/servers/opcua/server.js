// An OPC-UA server on node-opcua, told what to do line by line on standard input.
//
// The only argument is JSON:
//   {pki, port, namespace, nodes: {name: [type, value]}, items, tick_ms, limits, user: [name, password]}
//   pki        folder for the server's key, certificate and trust list
//   port       0: a free one
//   nodes      variables s=<name>; those whose name ends in _ro cannot be written
//   items      how many Double variables s=item.<n> there are; each tick sets all of them to the
//              number of the tick, so a lost change is a gap in the numbers
//   tick_ms    0: ticks only as told
//   limits     operation limits, as node-opcua names them
// 64-bit integers are strings of digits, both ways.
//
// The first line of output is {port, thumbprint}. Then each command, one JSON object a line, is
// answered with one: {"get": name} and {"set": name, "value": v} a node, {"tick": n} ticks n times,
// {"served": true} requests so far by name, {"calls": true} method calls so far,
// {"sessions": true} sessions and subscriptions now.
// Ends when standard input does.
"use strict";

const { createHash } = require("node:crypto");
const readline = require("node:readline");
const {
  DataType,
  OPCUACertificateManager,
  OPCUAServer,
  StatusCodes,
  Variant,
  VariantArrayType,
} = require("node-opcua");

// Standard output is for answers; what the library has to say goes to standard error.
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
for (const name of ["log", "info", "warn"]) console[name] = console.error;

function toVariant(type, value) {
  if (type === "Int64" || type === "UInt64") {
    const bits = BigInt.asUintN(64, BigInt(value));
    value = [Number(bits >> 32n), Number(bits & 0xffffffffn)];
  }
  return new Variant({ dataType: DataType[type], arrayType: VariantArrayType.Scalar, value });
}

function fromVariant({ dataType, value }) {
  if (dataType !== DataType.Int64 && dataType !== DataType.UInt64) return value;
  const bits = (BigInt(value[0] >>> 0) << 32n) | BigInt(value[1] >>> 0);
  return (dataType === DataType.Int64 ? BigInt.asIntN(64, bits) : bits).toString();
}

function addNodes(space, index, folder, nodes) {
  const made = {};
  for (const [name, [type, value]] of Object.entries(nodes)) {
    const access = name.endsWith("_ro") ? "CurrentRead" : "CurrentRead | CurrentWrite";
    made[name] = space.addVariable({
      componentOf: folder,
      nodeId: `ns=${index};s=${name}`,
      browseName: name,
      dataType: type,
      accessLevel: access,
      userAccessLevel: access,
      minimumSamplingInterval: 0,
      value: toVariant(type, value),
    });
  }
  return made;
}

function addMachine(space, index, parent, nodes, calls) {
  const machine = space.addObject({
    organizedBy: parent,
    nodeId: `ns=${index};s=machine`,
    browseName: "machine",
  });
  Object.assign(
    nodes,
    addNodes(space, index, machine, {
      "machine.running_ro": ["Boolean", false],
      "machine.level_ro": ["Double", 0],
    }),
  );
  const define = (name, inputArguments, act) =>
    space
      .addMethod(machine, {
        nodeId: `ns=${index};s=machine.${name}`,
        browseName: name,
        inputArguments,
        outputArguments: [],
      })
      .bindMethod((inputs, _context, done) => {
        const values = inputs.map(fromVariant);
        calls.push([name, ...values]);
        done(null, { statusCode: act(...values), outputArguments: [] });
      });
  define("start", [], () => {
    nodes["machine.running_ro"].setValueFromSource(toVariant("Boolean", true));
    return StatusCodes.Good;
  });
  define("setpoint", [{ name: "level", dataType: DataType.Double }], (level) => {
    if (!(level >= 0 && level <= 100)) return StatusCodes.BadOutOfRange;
    nodes["machine.level_ro"].setValueFromSource(toVariant("Double", level));
    return StatusCodes.Good;
  });
}

async function main() {
  const told = JSON.parse(process.argv[2]);
  const [userName, password] = told.user ?? [];
  const server = new OPCUAServer({
    port: told.port ?? 0,
    hostname: "127.0.0.1",
    alternateHostname: ["127.0.0.1", "localhost"],
    allowAnonymous: true,
    maxConnectionsPerEndpoint: 200,
    serverCapabilities: { maxSessions: 200, operationLimits: told.limits ?? {} },
    serverCertificateManager: new OPCUACertificateManager({
      rootFolder: told.pki,
      automaticallyAcceptUnknownCertificate: true,
    }),
    userManager: {
      isValidUser: (name, word) => name === userName && word === password,
    },
  });
  const served = {};
  server.on("request", (request) => {
    const name = request.schema.name;
    served[name] = (served[name] ?? 0) + 1;
  });
  await server.initialize();

  const addressSpace = server.engine.addressSpace;
  addressSpace.registerNamespace("urn:bms:before"); // so that ours is not the first
  const space = addressSpace.registerNamespace(told.namespace);
  const parent = addressSpace.rootFolder.objects;
  const folder = space.addObject({
    organizedBy: parent,
    nodeId: `ns=${space.index};s=device`,
    browseName: "device",
  });
  const nodes = addNodes(space, space.index, folder, told.nodes ?? {});
  const calls = [];
  addMachine(space, space.index, parent, nodes, calls);
  const items = Object.values(
    addNodes(
      space,
      space.index,
      folder,
      Object.fromEntries(
        Array.from({ length: told.items ?? 0 }, (_, n) => [`item.${n}`, ["Double", 0]]),
      ),
    ),
  );

  let ticks = 0;
  const tick = () => {
    ticks += 1;
    const value = toVariant("Double", ticks);
    for (const item of items) item.setValueFromSource(value);
  };

  const obey = (command) => {
    if ("get" in command) return { value: fromVariant(nodes[command.get].readValue().value) };
    if ("set" in command) {
      const node = nodes[command.set];
      const type = DataType[node.dataType.value]; // the built-in types are nodes of these numbers
      node.setValueFromSource(toVariant(type, command.value));
      return {};
    }
    if ("tick" in command) {
      for (let n = 0; n < command.tick; n += 1) tick();
      return { ticks };
    }
    if ("served" in command) return { served };
    if ("calls" in command) return { calls };
    if ("sessions" in command)
      return {
        sessions: server.engine.currentSessionCount,
        subscriptions: server.engine.currentSubscriptionCount,
      };
    throw new Error("no such command");
  };

  await server.start();
  if (told.tick_ms) setInterval(tick, told.tick_ms);
  readline
    .createInterface({ input: process.stdin })
    .on("line", (text) => {
      try {
        say(obey(JSON.parse(text)));
      } catch (error) {
        say({ error: error.message });
      }
    })
    .on("close", () => process.exit(0));
  say({
    port: server.endpoints[0].port,
    thumbprint: createHash("sha1").update(server.getCertificate()).digest("hex"),
  });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
