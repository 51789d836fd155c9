# Every target wraps an npm script, so that `npm run ...` does the same without make.
PEER ?= peer1
BENCH ?= http
flags = $(if $(PORT),--port $(PORT)) $(if $(HTTP_PORT),--http-port $(HTTP_PORT)) $(if $(LOG_LEVEL),--log-level $(LOG_LEVEL))

.PHONY: help start mesh webserver test check setup generate-peer1 generate-peer2 run dummy docker-up docker-test \
  docker-logs docker-monitoring docker-down docker-clean eval-quick eval-sweep plot bench clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

start: ## run an index and three peers with generated files, until Ctrl-C
	@npm start --silent

mesh: ## run five peers of a mesh with generated files and no index, until Ctrl-C
	@npm run --silent mesh

webserver: ## open the web page of peer1; starts an index and three peers unless they run
	@npm run --silent webserver

test: ## install if needed, then run all checks and tests
	@npm test --silent -- $(TEST_FLAGS)

check: setup ## formatter, linter, types and the project's own rules
	@npm run --silent check

setup: ## install the packages and build the web page, if they are missing or outdated
	@npm run --silent setup

generate-peer1: setup ## fill data/peer1/shared with generated files, if it is empty
	@npm run --silent generate -- --peer peer1

generate-peer2: setup ## fill data/peer2/shared with generated files, if it is empty
	@npm run --silent generate -- --peer peer2

run: setup ## run a peer with a prompt: PEER=peer1 PORT= HTTP_PORT= LOG_LEVEL=
	@npm run --silent tandem -- peer --peer $(PEER) $(flags)

dummy: setup ## run a scripted peer that prints every request it receives
	@npm run --silent tandem -- dummy

docker-up: ## build the image and start an index and two peers in containers
	@npm run --silent docker:up

docker-test: ## download through peer2's container, and verify the file
	@npm run --silent docker:test

docker-logs: ## show the containers' logs, until Ctrl-C
	@npm run --silent docker:logs

docker-monitoring: ## the same, with Prometheus on port 9090 and Grafana on port 3000
	@npm run --silent docker:monitoring

docker-down: ## stop and remove the containers
	@npm run --silent docker:down

docker-clean: ## also remove the image, and data/ and logs/
	@npm run --silent docker:clean

eval-quick: setup ## measure weak and strong scaling, and the index alone, in about two minutes
	@npm run --silent eval:quick -- --config config/config.json --peer peer1

eval-sweep: setup ## measure strong scaling with 1, 2 and 4 clients
	@npm run --silent eval:sweep -- --peer peer1 --kb 200 --mb 20 --concurrency 1 2 4

plot: setup ## draw the sweep's throughput and efficiency
	@npm run --silent eval:plot -- --input evaluation/results/strong_scaling_sweep.json --output evaluation/results/strong_throughput.png

bench: setup ## measure against other tools: BENCH=transfer, many, delay, memory, small, resume or http
	@npm run --silent bench -- $(BENCH)

clean: ## remove data/, logs/ and coverage/
	@npm run --silent clean
