import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import type { SecretData } from "../../src/certificate/secret-data.ts";

/** A Secret as the kubelet mounts it: files are links through `..data`, which is replaced all at once. */
export class MountedSecret {
  readonly folder: string;
  #version = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  async write(data: SecretData): Promise<void> {
    this.#version += 1;
    const name = `..${this.#version}`;
    const version = path.join(this.folder, name);
    await mkdir(version, { recursive: true });
    for (const [key, value] of Object.entries(data)) {
      await writeFile(path.join(version, key), Buffer.from(value, "base64"));
    }
    const [link, next] = [path.join(this.folder, "..data"), path.join(this.folder, "..data_tmp")];
    await symlink(name, next);
    await rename(next, link);
    if (this.#version > 1) {
      await rm(path.join(this.folder, `..${this.#version - 1}`), { recursive: true });
      return;
    }
    for (const key of Object.keys(data)) await symlink(path.join("..data", key), path.join(this.folder, key));
  }
}
