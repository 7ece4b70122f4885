import type { HandlerContext, HandlerOptions } from 'adonisjs-almanac'

/** Speaks to devices: over HTTP, MQTT, a serial line. */
export interface DeviceClient {
  /**
   * Hands a command over.
   *
   * @param order.key the device does the same key once, however often it is sent
   * @returns the device's receipt
   */
  send(order: {
    address: string
    token: string
    command: string
    key: string
    signal: AbortSignal
  }): Promise<string>

  /** Waits until the device has done it. @throws when it could not */
  confirm(address: string, receipt: string, signal: AbortSignal): Promise<void>
}

/** A device as config knows it. */
export interface Device {
  address: string
  /** From the environment of the app, never from a payload. */
  token: string
  /** What may be asked of it. */
  commands: string[]
}

interface Payload {
  device: string
  command: string
}

/**
 * Sends a command to a device of config and waits until it is done. The
 * receipt is kept as a checkpoint: a further attempt, or another node after a
 * crash, goes on waiting and does not send the command again.
 */
export default class CommandDevice {
  static options: HandlerOptions = {
    name: 'command_device',
    timeout: '1m',
    retry: { retries: 5, delay: '10s' },
  }

  readonly #client: DeviceClient
  readonly #devices: Record<string, Device>

  constructor(client: DeviceClient, devices: Record<string, Device>) {
    this.#client = client
    this.#devices = devices
  }

  async handle(context: HandlerContext<Payload>) {
    const { payload, signal, logger } = context
    const { address, token } = this.#find(payload)
    let receipt = context.checkpoint as string | null
    if (receipt === null) {
      const { command } = payload
      // The same for every attempt: the device itself knows a repetition
      const key = context.execution.id
      receipt = await this.#client.send({ address, token, command, key, signal })
      await context.saveCheckpoint(receipt)
      logger.info(`"${command}" was accepted by ${payload.device}`, { receipt })
    }
    await this.#client.confirm(address, receipt, signal)
    return { receipt }
  }

  #find({ device, command }: Payload): Device {
    if (!Object.hasOwn(this.#devices, device)) {
      const known = Object.keys(this.#devices).join(', ')
      throw new Error(`device "${device}" is not in config; there are ${known}`)
    }
    const found = this.#devices[device]
    if (!found.commands.includes(command)) {
      const allowed = found.commands.join(', ')
      throw new Error(`device "${device}" does not take "${command}"; it takes ${allowed}`)
    }
    return found
  }
}
