export function waitingPage(m){return {stop(){}}}; export function countWaiting(){}
