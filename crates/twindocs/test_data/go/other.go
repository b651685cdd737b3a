package main

func helper() {}

func main() { Start() }
