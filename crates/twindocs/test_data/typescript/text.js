/** Cleans. */
export function clean(text) {
  return text.trim();
}
export const shout = (text) => clean(text).toUpperCase();
export default function fold(list) {
  return list.map(shout);
}
