/** Networks as an engine makes them: a bridge each, and a network namespace for each container. Lives in the namespace of this process. */

import { execFileSync } from 'node:child_process';

import type { Compose } from '../compose.js';

/** Where a container stands in its networks. */
export interface Place {
  namespace: string;
  addresses: Record<string, string>;
}

/** `ip`, with these words. */
export const ip = (words: string): void => void execFileSync('ip', words.split(' '), { stdio: ['ignore', 'ignore', 'inherit'] });

export class Networks {
  private readonly prefixes = new Map<string, string>();
  private readonly next = new Map<string, number>();
  private made = 0;

  constructor(private readonly compose: Compose) {
    ip('link set lo up');
    for (const [index, [name, { subnet, internal }]] of Object.entries(compose.networks).entries()) {
      const prefix = (subnet ?? `10.88.${index}.0/24`).split('.').slice(0, 3).join('.');
      this.prefixes.set(name, prefix);
      ip(`link add ${bridge(name)} type bridge`);
      // An internal network has no way to this machine.
      if (!internal) ip(`addr add ${prefix}.1/24 dev ${bridge(name)}`);
      ip(`link set ${bridge(name)} up`);
    }
  }

  /** The address at which this machine stands in that network. */
  gateway(network: string): string {
    return `${this.prefixes.get(network)}.1`;
  }

  /** A namespace with an interface in each of those networks. */
  place(namespace: string, networks: Record<string, string | undefined>): Place {
    ip(`netns add ${namespace}`);
    ip(`-n ${namespace} link set lo up`);
    const addresses: Record<string, string> = {};
    for (const [index, [network, wanted]] of Object.entries(networks).entries()) {
      const outside = `veth${this.made++}`;
      ip(`link add ${outside} type veth peer name eth${index} netns ${namespace}`);
      ip(`link set ${outside} master ${bridge(network)} up`);
      const address = (addresses[network] = wanted ?? this.free(network));
      ip(`-n ${namespace} addr add ${address}/24 dev eth${index}`);
      ip(`-n ${namespace} link set eth${index} up`);
      if (!this.compose.networks[network]?.internal) ip(`-n ${namespace} route add default via ${this.gateway(network)}`);
    }
    return { namespace, addresses };
  }

  private free(network: string): string {
    const number = this.next.get(network) ?? 128;
    this.next.set(network, number + 1);
    return `${this.prefixes.get(network)}.${number}`;
  }
}

const bridge = (network: string): string => `br-${network}`;
