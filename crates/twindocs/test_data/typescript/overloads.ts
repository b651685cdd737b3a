export function first(all: string): string;
export function first(all: string[], at: number): string;
export function first(all: string | string[], at = 0): string {
  return all[at];
}
export function both() {
  return first('a') + first(['a'], 0);
}
