// The OpenSSL inside Node.js as one end of a TLS 1.3 connection, for the groups that older ones lack.
//
//     node_peer.js server GROUPS CERTIFICATE KEY
//     node_peer.js client PORT GROUPS CA
//
// Either end sends each line back reversed. It ends with its connection, or when nobody holds its standard input any
// more.
const fs = require('fs');
const tls = require('tls');

process.stdin.on('end', () => process.exit(0)).resume();

function reverse(socket) {
  const cipher = socket.getCipher();
  console.log(`ESTABLISHED ${socket.getProtocol()} ${cipher.standardName}`);
  let pending = '';
  socket.setEncoding('utf8');
  socket.on('data', (text) => {
    const lines = (pending + text).split('\n');
    pending = lines.pop();
    for (const line of lines) {
      console.log(`RECEIVED ${line}`);
      socket.write([...line].reverse().join('') + '\n');
    }
  });
  socket.on('end', () => socket.end());
}

function failed(error) {
  console.log(`FAILED ${error.code} ${error.message.replaceAll('\n', ' ')}`);
}

const [role, ...rest] = process.argv.slice(2);
const common = { minVersion: 'TLSv1.3' };
if (role === 'server') {
  const [ecdhCurve, cert, key] = rest;
  const options = { ...common, ecdhCurve, cert: fs.readFileSync(cert), key: fs.readFileSync(key) };
  const server = tls.createServer(options, reverse).on('tlsClientError', failed);
  server.listen(0, '127.0.0.1', () => console.log(`ACCEPT ${server.address().port}`));
} else {
  const [port, ecdhCurve, ca] = rest;
  const options = { ...common, ecdhCurve, ca: fs.readFileSync(ca), port, host: '127.0.0.1', servername: 'localhost' };
  const socket = tls.connect(options, () => reverse(socket));
  socket.on('error', failed).on('close', () => process.exit(0));
}
