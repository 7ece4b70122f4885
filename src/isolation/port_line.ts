import type { MessagePort } from 'node:worker_threads'
import type { Line } from './wire.ts'

/** A line through a port between threads. It carries JSON, as the one between processes does. */
export function lineOf<Out, In>(port: MessagePort): Line<Out, In> {
  return {
    send: (message) => port.postMessage(JSON.stringify(message)),
    onMessage: (listener) => port.on('message', (text: string) => listener(JSON.parse(text) as In)),
  }
}
