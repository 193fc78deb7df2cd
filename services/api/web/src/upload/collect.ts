/** Files of a drop or a choice, with their paths; folders are walked, hidden files passed over. */

export interface Picked {
  path: string;
  file: File;
}

const hidden = (path: string): boolean => path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");

export function fromList(files: Iterable<File>): Picked[] {
  return tidy([...files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

export async function fromDrop(transfer: DataTransfer): Promise<Picked[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return fromList(transfer.files);
  const found = await Promise.all(entries.map(walk));
  return tidy(found.flat());
}

/** Sorted by path, without hidden files; of a folder that holds `scans/` only that. */
export function tidy(picked: Picked[]): Picked[] {
  const seen = picked.filter(({ path }) => !hidden(path));
  const scans = seen.filter(({ path }) => /(^|\/)scans\//.test(path));
  const kept = scans.length > 0 ? scans : seen;
  return kept.sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
}

async function walk(entry: FileSystemEntry): Promise<Picked[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ path: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    // A reader gives at most some hundred entries a call.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    children.push(...some);
  }
  return (await Promise.all(children.map(walk))).flat();
}
