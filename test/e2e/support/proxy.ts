import { createServer, request as forward } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A proxy that asks for a password, and notes where it was asked to go. */
export interface ProxyServer {
  readonly port: number;
  readonly passed: readonly string[];
  readonly refused: readonly string[];
  close(): Promise<void>;
}

/** @param login `user:password` */
export async function startProxy(login: string): Promise<ProxyServer> {
  const wanted = `Basic ${Buffer.from(login).toString('base64')}`;
  const passed: string[] = [];
  const refused: string[] = [];
  const isAllowed = (header: string | undefined, to: string): boolean => {
    (header === wanted ? passed : refused).push(to);
    return header === wanted;
  };
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '');
    if (!isAllowed(request.headers['proxy-authorization'], url.host)) return void response.writeHead(407).end();
    const { method, headers } = request;
    const onward = forward(url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  server.on('connect', (request, socket) => {
    const to = request.url ?? '';
    if (!isAllowed(request.headers['proxy-authorization'], to)) return void socket.end('HTTP/1.1 407 No\r\n\r\n');
    const [host = '', port = ''] = to.split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) end.on('error', () => undefined);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    passed,
    refused,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
