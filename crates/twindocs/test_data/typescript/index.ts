export * from './text';
export { Stock as Store } from './stock';
