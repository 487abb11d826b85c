/**
 * The routes of the service and their schemas, made from its OpenAPI document by `npm run generate:client`. Do not edit.
 * Every route can be answered by a problem too, which is contract/problem-document.ts.
 */

export interface paths {
    "/livez": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Does the process answer? */
        get: operations["getLiveness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * This document
         * @description OpenAPI 3.1, made from the schemas that validate. /docs shows it.
         */
        get: operations["getOpenApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/problems/{code}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a problem means
         * @description The page that the type of a problem document names.
         */
        get: operations["getProblemPage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Can it run programs? */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/batches": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run many, each on its own
         * @description Each item is what POST /v1/runs takes. The answer has one line of JSON for each, as they end: order them by index. An item that is refused, or that harms its thread, is answered by its own line and harms no other. When the client goes away, the rest is cancelled. With `Prefer: respond-async` the answer is 202, and the lines stand under the Location, in the order of the items, when all have ended; an Idempotency-Key then makes the request safe to repeat.
         */
        post: operations["createBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/batches/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The lines of an asynchronous batch
         * @description Once all items have ended: one line each, in the order of the items. They are kept for maxResultMs.
         */
        get: operations["getBatch"];
        put?: never;
        post?: never;
        /**
         * Cancel an asynchronous batch
         * @description Items that have not ended end with the outcome cancelled. A batch that has ended stays (409 run_ended).
         */
        delete: operations["cancelBatch"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/info": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Engine, profiles, program types with their contexts, map types, helpers */
        get: operations["getInfo"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every limit of this server */
        get: operations["getLimits"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/outcomes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How a run can end, and how a request can be refused */
        get: operations["getOutcomes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/programs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Store programs under the hash of their content
         * @description An object (as JSON, or its bytes as application/x-elf) or one program with the maps that it refers to. The id is the hash of what the program is: type, attach type, flags, license, linked instructions, functions, maps with their initial contents, source lines; not its name. Runs name it as programs[].id. It is read and not verified: see /v1/programs/{id}/verification. 200 when all of it was stored before.
         */
        post: operations["storePrograms"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/programs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A stored program: its linked instructions, functions and maps
         * @description Immutable: the ETag is the id.
         */
        get: operations["getProgram"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/programs/{id}/cfg": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The control-flow graph of a stored program
         * @description Basic blocks with their edges, dominators and loops, functions with their calls, and the tail calls with the prog array and the slot where constants tell them. With Accept: text/vnd.graphviz (or format=dot) in DOT.
         */
        get: operations["getProgramGraph"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/programs/{id}/disassembly": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The instructions of a stored program as text, with its source lines
         * @description JSON rows; with Accept: text/plain (or format=text) a listing in the manner of bpftool, which POST /v1/programs reads as asm.
         */
        get: operations["getProgramDisassembly"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/programs/{id}/verification": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the verifier says of a stored program
         * @description As a run's verification with verify enforce, for the program alone with the maps that it was stored with; rejection has the log.
         */
        get: operations["getProgramVerification"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Load, verify and run a chain of programs
         * @description Answered 200 whether or not the program trapped: how a run ended is its outcome. The result then stands under /v1/runs/{id}. With `Prefer: respond-async` the answer is 202 as soon as the run is stored, and its Location says where to ask; an Idempotency-Key then makes the request safe to repeat: the same key and body are the same run. A run that was made before is not made again unless Cache-Control says no-cache; its result then has cache.run.
         */
        post: operations["createRun"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/runs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The result of a run
         * @description Results are kept in memory, the least recently used leave first (maxReplayBytes); a run that has left is 410 trace_gone. The result of an asynchronous run is stored too, for maxResultMs: it outlives the process, and a run that ended with a problem is answered by it.
         */
        get: operations["getRun"];
        put?: never;
        post?: never;
        /**
         * Cancel a run
         * @description A running run ends with the outcome cancelled, at its next test point; its result then stands under its id. A run that has ended cannot be cancelled (409 run_ended), and its result stays.
         */
        delete: operations["cancelRun"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/runs/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a run did, as Server-Sent Events
         * @description The events of the trace socket when the run has ended: started, chain, print, result, with detail=steps each batch of steps, then end. The id of an event is a step; Last-Event-ID goes on behind it, and is answered 204 when there is nothing left.
         */
        get: operations["streamRunEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/runs/{id}/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Registers, frames, stack, packet, context and maps just before a step */
        get: operations["getRunState"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/runs/{id}/steps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A page of the steps of a run
         * @description Steps are numbered from 0 over the whole run. A page that begins beyond the end is empty; next is null behind the last step.
         */
        get: operations["getRunSteps"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/runs/{id}/trace.perfetto": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A run as a file for ui.perfetto.dev and chrome://tracing
         * @description Trace-event JSON: programs and calls of functions are slices, tail calls arrows, misses instants; a step counts as a nanosecond.
         */
        get: operations["getRunPerfettoTrace"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a sandbox: programs, maps and prog arrays that last from run to run
         * @description From an object, programs and maps as in a run, or from a snapshot. What Linux would refuse to load is 422 load_rejected with the rejection that a run would show.
         */
        post: operations["createSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A sandbox: what is in it, what it does, when it ends */
        get: operations["getSandbox"];
        put?: never;
        post?: never;
        /** End a sandbox; what runs on it is cancelled */
        delete: operations["deleteSandbox"];
        options?: never;
        head?: never;
        /** Keep a sandbox: it ends ttl seconds from now */
        patch: operations["updateSandbox"];
        trace?: never;
    };
    "/v1/sandboxes/{id}/fork": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Copy a sandbox, as it stands when all that was asked before has ended
         * @description Slots do not wait for a turn: the copy has those of the moment in which it is made.
         */
        post: operations["forkSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes/{id}/graph": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Which program can jump where
         * @description As the slots are now. Edges are the tail calls of the code, with array and index where constants tell them.
         */
        get: operations["getSandboxGraph"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes/{id}/maps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The maps of a sandbox */
        get: operations["listMaps"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes/{id}/maps/{map}/entries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Elements of a map, page by page
         * @description By ascending key (an array by its index, others by their bytes), as they are between two runs: a run that goes on is waited for.
         */
        get: operations["listEntries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes/{id}/maps/{map}/entries/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One element */
        get: operations["getEntry"];
        /** Write an element (BPF_MAP_UPDATE_ELEM) */
        put: operations["putEntry"];
        post?: never;
        /** Delete an element (BPF_MAP_DELETE_ELEM) */
        delete: operations["deleteEntry"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes/{id}/maps/{map}/slots": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Filled slots of a prog array, its owner and its generation */
        get: operations["listSlots"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes/{id}/maps/{map}/slots/{index}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The program in a slot */
        get: operations["getSlot"];
        /**
         * Put a program into a slot
         * @description As BPF_MAP_UPDATE_ELEM: a filled slot is replaced, the array belongs to programs of one kind. mode other than any is EINVAL, as on Linux.
         */
        put: operations["putSlot"];
        post?: never;
        /**
         * Empty a slot
         * @description As BPF_MAP_DELETE_ELEM: an empty slot is ENOENT, one past the end E2BIG.
         */
        delete: operations["clearSlot"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes/{id}/maps/{map}/slots/swap": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change several slots at once, between two tail calls of a running chain
         * @description All of them, or none when one is refused. Emptying an empty slot changes nothing.
         */
        post: operations["swapSlots"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes/{id}/programs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add a program; a run that goes on reaches it as soon as it stands in a slot
         * @description Its maps are those of the sandbox, by name or by their place. Verified and compiled on a thread of its own, also while all run threads are busy.
         */
        post: operations["addSandboxProgram"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes/{id}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run a program of the sandbox
         * @description Runs of one sandbox go one after the other; maps keep what they leave. Slots may be changed while one goes on: its next tail call sees them. With `Prefer: respond-async` the answer is 202 at once, and the run stands under its id; unlike a stateless run it ends with the process, and takes no Idempotency-Key. A memory budget that is not given is the default beside the memory of the sandbox itself.
         */
        post: operations["runOnSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sandboxes/{id}/snapshot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Store a copy that outlives the sandbox and the process
         * @description POST /v1/sandboxes with its id as `snapshot` makes a sandbox of it.
         */
        post: operations["snapshotSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/shares": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Store a run for others to see
         * @description Storing is explicit: nothing that is run here is kept for others otherwise. A share is public to everybody who has its id, which nobody can guess; reading needs no key. It leaves when it expires, or by DELETE with the token of this answer.
         */
        post: operations["createShare"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/shares/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a share
         * @description Open to everybody who has the id, with or without a key.
         */
        get: operations["getShare"];
        put?: never;
        post?: never;
        /** Delete a share */
        delete: operations["deleteShare"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/snapshots/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Remove a snapshot of a sandbox */
        delete: operations["deleteSnapshot"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/trace-tickets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A ticket that opens the trace socket once */
        post: operations["createTraceTicket"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/traces": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The trace socket (a WebSocket)
         * @description Subprotocol waggle-trace.v1: every step of runs while they go on, with questions about them; see docs/trace-protocol.md.
         */
        get: operations["openTraceSocket"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Accepted, and not ended yet: ask again under /v1/runs/{id} or /v1/batches/{id} */
        Accepted: {
            /** @description Of the run or batch */
            id: string;
            /**
             * @description It waits for a thread, or is on one
             * @constant
             */
            state: "running";
        };
        AddedProgram: {
            attachType: string | null;
            flags: string[];
            /** @description Instruction slots */
            insns: number;
            name: string;
            type: string;
            verification: components["schemas"]["Verification"];
        };
        BatchBody: {
            /** @description Runs; at most maxBatchItems */
            items: components["schemas"]["RunBody"][];
        };
        BatchLine: {
            /** @description Place of the item in the batch, from 0 */
            index: number;
            problem?: components["schemas"]["ProblemDocument"];
            result?: components["schemas"]["RunResult"];
            /** @description HTTP status that the run alone would have had */
            status: number;
        };
        /** @description Bytes: exactly one of hex, base64, text */
        Bytes: {
            /** @description RFC 4648 §4, padded */
            base64?: string;
            /** @description Two hexadecimal digits a byte, nothing between */
            hex?: string;
            /** @description The bytes of the text in UTF-8 */
            text?: string;
        };
        ChainRow: {
            depth: number;
            from: string;
            generation: number;
            index: number;
            map: string;
            miss: ("index" | "empty" | "limit") | null;
            pc: number;
            step: string;
            taken: boolean;
            to: string | null;
        };
        CreatedSandbox: {
            /** @description Memory that it takes while it is idle */
            bytes: number;
            /** @description RFC 3339 */
            createdAt: string;
            /** @description RFC 3339; PATCH moves it */
            expiresAt: string;
            id: string;
            maps: components["schemas"]["MapEntry"][];
            programs: {
                attachType: string | null;
                flags: string[];
                /** @description Instruction slots */
                insns: number;
                name: string;
                type: string;
            }[];
            /** @description Runs, map commands, copies and additions that wait or go on */
            queued: number;
            /** @description Runs that were lost with their thread: the maps were put back to before them */
            restores: number;
            /** @description Runs that have executed, and ended */
            runs: number;
            /** @enum {string} */
            state: "idle" | "running";
            verification: components["schemas"]["Verification"] | null;
        };
        CreatedShare: {
            /** @description For DELETE, in the header delete-token. It is told only here: the server keeps its hash */
            deleteToken: string;
            /** @description RFC 3339; then the share is gone */
            expiresAt: string;
            /** @description Unguessable (128 random bits): whoever has it may read the share */
            id: string;
            /** @description Where it is read, on this server */
            url: string;
        };
        Disassembly: {
            /** @description sha256: of the canonical form */
            id: string;
            /** @description source stands where it differs from that of the instruction before */
            insns: {
                /** @description Name of the function that begins here */
                function?: string;
                /** @description Its bytes */
                hex: string;
                insn: string;
                /** @description Slot; an lddw takes two */
                pc: number;
                source?: components["schemas"]["Source"];
            }[];
        };
        EntryDocument: {
            key: components["schemas"]["HexBytes"];
            value: components["schemas"]["HexBytes"];
        };
        EntryPage: {
            entries: components["schemas"]["EntryDocument"][];
            next: string | null;
        };
        FrameState: {
            /** @description First slot of the frame's function */
            function: number;
            program: number;
            /** @description r0 to r10 */
            registers: string[];
        };
        GraphDocument: {
            edges: {
                from: string;
                index: number | null;
                map: string | null;
                pc: number;
                to: string[];
            }[];
            progArrays: {
                /** @description Completed changes of the array; rows of a chain quote it */
                generation: number;
                maxEntries: number;
                name: string;
            }[];
            programs: {
                /** @description A slot holds it */
                inSlot: boolean;
                name: string;
                /** @description Tail calls in its code */
                tailCalls: number;
                type: string;
            }[];
            slots: {
                /** @description No tail call of any program can take it */
                dead: boolean;
                index: number;
                map: string;
                program: string;
            }[];
            unreachable: string[];
        };
        HexBytes: {
            hex: string;
        };
        /** @description A map of the run's own, or settings of the object's map of this name */
        MapBody: {
            entries?: {
                key: components["schemas"]["Bytes"];
                value: components["schemas"]["Bytes"];
            }[];
            /** @default [] */
            flags?: string[];
            /** @default false */
            frozen?: boolean;
            /** @description Later: the inner map */
            inner?: Record<string, unknown>;
            keySize?: number;
            /** @description An unsigned 64-bit integer: a number up to 2^53-1, or text, decimal or 0x */
            mapExtra?: number | string;
            maxEntries?: number;
            name: string;
            /** @description prog_array: slot index to program name */
            slots?: {
                [key: string]: string;
            };
            /** @description A map type of /v1/info */
            type?: string;
            valueSize?: number;
        };
        MapEntry: {
            flags: string[];
            frozen: boolean;
            keySize: number;
            maxEntries: number;
            name: string;
            type: string;
            valueSize: number;
        };
        MapList: {
            maps: components["schemas"]["MapEntry"][];
        };
        Patch: {
            bytes: string;
            offset: number;
            region: string;
            step: string;
        } | {
            key: string;
            map: string;
            step: string;
            value: string;
        } | {
            /** @constant */
            deleted: true;
            key: string;
            map: string;
            step: string;
        };
        PrintRow: {
            pc: number;
            program: string;
            step: string;
            text: string;
        };
        ProblemDocument: {
            /** @enum {string} */
            code: "bad_json" | "schema_violation" | "bad_request" | "not_authenticated" | "forbidden" | "bad_delete_token" | "not_found" | "method_not_allowed" | "request_timeout" | "run_ended" | "idempotency_in_flight" | "trace_gone" | "snapshot_gone" | "body_too_large" | "unsupported_media_type" | "bad_bytes" | "bad_elf" | "bad_btf" | "bad_assembly" | "bad_instructions" | "bad_reference" | "not_permitted" | "no_entry" | "entry_exists" | "map_refused" | "load_rejected" | "bad_map" | "bad_input" | "idempotency_mismatch" | "limit_exceeded" | "too_many_sandboxes" | "queue_full" | "headers_too_large" | "rate_limited" | "too_many_streams" | "internal" | "not_implemented" | "answer_timeout" | "overloaded" | "storage_failed" | "draining" | "not_ready";
            detail: string;
            /** @description Linux's errno, where Linux would have answered with one */
            errno?: string;
            errors?: {
                detail: string;
                /** @description JSON pointer (RFC 6901) into the body */
                pointer: string;
            }[];
            /** @description Name of the limit that was passed, as in /v1/limits */
            limit?: string;
            rejection?: components["schemas"]["Rejection"];
            requestId: string;
            /** @description May the same request succeed later, unchanged? */
            retryable: boolean;
            status: number;
            title: string;
            /** @description A path on this server that explains the code */
            type: string;
        };
        /** @description A program with exactly one source: asm, insns or id */
        Program: {
            /** @description Assembly text */
            asm?: string;
            /** @default null */
            attachType?: string | null;
            /**
             * @default llvm
             * @enum {string}
             */
            dialect?: "llvm" | "ubpf";
            /** @default [] */
            flags?: string[];
            /** @description A program that was stored with POST /v1/programs */
            id?: string;
            insns?: components["schemas"]["Bytes"];
            /** @default GPL */
            license?: string;
            name: string;
            /** @description A program type of /v1/info */
            type?: string;
        };
        ProgramDetails: {
            attachType: string | null;
            /** @description Linked instructions; an lddw of a map holds its index in maps */
            code: components["schemas"]["HexBytes"];
            flags: string[];
            functions: {
                /** @enum {string} */
                linkage: "static" | "global";
                name: string;
                /** @description Its first slot */
                pc: number;
                returns: string | null;
            }[];
            /** @description sha256: of the canonical form */
            id: string;
            /** @description 8-byte slots */
            insns: number;
            license: string;
            /** @description In the order in which the code refers to them */
            maps: {
                /** @description Initial elements */
                entries: number;
                flags: string[];
                frozen: boolean;
                keySize: number;
                maxEntries: number;
                name: string;
                /** @description Initial slots: index to program name */
                slots: {
                    [key: string]: string;
                };
                type: string;
                valueSize: number;
            }[];
            /** @description The name that it was stored with first; a run gives it its own */
            name: string;
            type: string;
        };
        ProgramGraph: {
            /** @description Numbered by their place */
            blocks: {
                dominator: number | null;
                /** @description Of a conditional jump taken first; none behind exit */
                edges: {
                    /** @enum {string} */
                    kind: "taken" | "not_taken" | "goto" | "next";
                    to: number | null;
                }[];
                /** @description First slot behind it */
                end: number;
                /** @description Index in functions */
                function: number;
                loop: number | null;
                /** @description Slot of its first instruction */
                pc: number;
                /** @description From the entry of its function */
                reachable: boolean;
            }[];
            /** @description Calls of functions of the program, and callbacks that are handed to helpers */
            calls: {
                block: number;
                /** @description Index in functions */
                function: number;
                pc: number;
            }[];
            functions: {
                /** @description How many; they follow its entry */
                blocks: number;
                /** @description Its first block */
                entry: number;
                name: string;
                pc: number;
                /** @description false: some cycle can be entered at two places, and is no loop here */
                reducible: boolean;
            }[];
            /** @description sha256: of the canonical form */
            id: string;
            loops: {
                backEdges: number[];
                /** @description 1 for an outermost loop */
                depth: number;
                /** @description The block that every way into the loop goes through */
                header: number;
                parent: number | null;
            }[];
            /** @description Those that a run can reach */
            tailCalls: {
                block: number;
                index: number | null;
                map: string | null;
                pc: number;
            }[];
        };
        ProgramsStored: {
            /** @description Maps of the object or the request */
            maps: components["schemas"]["MapEntry"][];
            /** @description What was left out, or accepted with a remark */
            notes: string[];
            programs: {
                /** @description sha256: of the canonical form */
                id: string;
                name: string;
                type: string;
            }[];
        };
        /** @description Either elf, or a program: name, type and one source (asm or insns) */
        ProgramUpload: {
            /** @description Assembly text */
            asm?: string;
            /** @default null */
            attachType?: string | null;
            /**
             * @default llvm
             * @enum {string}
             */
            dialect?: "llvm" | "ubpf";
            /** @description An object as clang -target bpf -c writes it */
            elf?: components["schemas"]["Bytes"];
            /** @default [] */
            flags?: string[];
            insns?: components["schemas"]["Bytes"];
            /** @default GPL */
            license?: string;
            /** @description Maps that the instructions refer to; those that they do not are left out */
            maps?: components["schemas"]["MapBody"][];
            name?: string;
            /** @description A program type of /v1/info */
            type?: string;
        };
        ProgramVerification: {
            /** @description sha256: of the canonical form */
            id: string;
            level: "off" | "structure" | "full";
            /** @description Whose rules */
            profile: string;
            programs: {
                insnsProcessed: number;
                name: string;
                stackDepth: number;
            }[];
            rejection: components["schemas"]["Rejection"] | null;
            unsupported: string[];
            verdict: "accepted" | "rejected" | "partial";
        };
        Rejection: {
            errno: string;
            log: string;
            message: string;
            pc: number | null;
            program: string | null;
            rule: string;
            source?: components["schemas"]["Source"];
        };
        RunAnswerBody: {
            action: string | null;
            budgets: {
                instructions: number;
                memoryBytes: number;
                tailCalls: number | null;
                traceBytes: number;
                wallMs: number;
            };
            cache: {
                /** @description Were all programs compiled before? */
                programs: "hit" | "miss";
                /**
                 * @description The same request was run before: this is its result, and took no time
                 * @constant
                 */
                run?: "hit";
            };
            chain: components["schemas"]["ChainRow"][];
            chainTruncated: boolean;
            counters: {
                chainDepth: number;
                helperCalls: number;
                instructions: string;
                mapOps: number;
                prints: number;
                programs: number;
                tailCallMisses: {
                    empty: number;
                    index: number;
                    limit: number;
                };
                tailCalls: number;
            };
            engine: string;
            fault: {
                access: ("read" | "write") | null;
                address: string | null;
                code: string;
                insn: string;
                message: string;
                pc: number;
                program: string;
                region: string | null;
                size: number | null;
                source?: components["schemas"]["Source"];
            } | null;
            id: string;
            last: {
                insn: string;
                pc: number;
                program: string;
            } | null;
            outcome: {
                /** @enum {string} */
                code: "exit" | "insn_budget" | "tail_call_budget" | "wall_budget" | "memory_budget" | "expired_in_queue" | "oob_read" | "oob_write" | "readonly_write" | "null_deref" | "bad_insn" | "bad_argument" | "call_depth" | "stack_overflow" | "rejected_verifier" | "rejected_load" | "cancelled" | "worker_lost" | "internal";
                /** @enum {string} */
                kind: "exit" | "budget" | "fault" | "rejected" | "cancelled" | "internal";
            };
            output: {
                ctx: components["schemas"]["HexBytes"] | null;
                events: {
                    bytes: components["schemas"]["HexBytes"];
                    kind: string;
                    map: string;
                    step: string;
                }[];
                maps: {
                    [key: string]: components["schemas"]["EntryDocument"][];
                };
                packet: components["schemas"]["HexBytes"] | null;
                prints: components["schemas"]["PrintRow"][];
            };
            profile: string;
            r0: string | null;
            rejection: components["schemas"]["Rejection"] | null;
            returnValue: number | null;
            runKey: string | null;
            seed: string;
            /** @description With detail "steps": the first 4,096 steps */
            steps?: components["schemas"]["StepRow"][];
            stepsNext?: string | null;
            timing: {
                compileUs: number;
                execNs: string;
                loadUs: number;
                queueUs: number;
                verifyUs: number;
            };
            verification: components["schemas"]["Verification"] | null;
        };
        RunBody: {
            /** @description Later */
            btf?: unknown;
            /** @description Where the service ends the run; ceilings in /v1/limits */
            budgets?: {
                /** @default 1000000 */
                instructions?: number;
                /** @default 16777216 */
                memoryBytes?: number;
                /** @default null */
                tailCalls?: number | null;
                /** @default 16777216 */
                traceBytes?: number;
                /** @default 1000 */
                wallMs?: number;
            };
            /** @description Later */
            cpu?: unknown;
            /**
             * @default chain
             * @enum {string}
             */
            detail?: "summary" | "chain" | "steps";
            entry: string;
            /** @description Later */
            environment?: unknown;
            input?: {
                /** @description Context fields by name, as in /v1/info, or the bytes of the whole context */
                ctx?: {
                    /** @description RFC 4648 §4, padded */
                    base64?: string;
                    /** @description Two hexadecimal digits a byte, nothing between */
                    hex?: string;
                    /** @description The bytes of the text in UTF-8 */
                    text?: string;
                } & {
                    [key: string]: number | string;
                };
                packet?: components["schemas"]["Bytes"];
                /** @description Later: a capture */
                pcap?: Record<string, unknown>;
            };
            /** @description Later */
            kconfig?: unknown;
            /** @default [] */
            maps?: components["schemas"]["MapBody"][];
            /**
             * @description The kernel limit being modelled: past it a tail call fails and falls through
             * @default 33
             */
            maxTailCalls?: number;
            object?: {
                elf: components["schemas"]["Bytes"];
            };
            /**
             * @default linux-6.18
             * @enum {string}
             */
            profile?: "linux-6.18";
            /** @default [] */
            programs?: components["schemas"]["Program"][];
            /** @default 1 */
            repeat?: number;
            /** @description What the answer shows of the state after the run */
            return?: {
                /** @default false */
                ctx?: boolean;
                /** @default [] */
                maps?: string[];
                /** @default true */
                packet?: boolean;
            };
            /** @description An unsigned 64-bit integer: a number up to 2^53-1, or text, decimal or 0x */
            seed?: number | string;
            /**
             * @description Default: enforce; off for an entry of type raw
             * @enum {string}
             */
            verify?: "enforce" | "report" | "off";
        };
        RunResult: {
            action: string | null;
            budgets: {
                instructions: number;
                memoryBytes: number;
                tailCalls: number | null;
                traceBytes: number;
                wallMs: number;
            };
            cache: {
                /** @description Were all programs compiled before? */
                programs: "hit" | "miss";
                /**
                 * @description The same request was run before: this is its result, and took no time
                 * @constant
                 */
                run?: "hit";
            };
            chain: components["schemas"]["ChainRow"][];
            chainTruncated: boolean;
            counters: {
                chainDepth: number;
                helperCalls: number;
                instructions: string;
                mapOps: number;
                prints: number;
                programs: number;
                tailCallMisses: {
                    empty: number;
                    index: number;
                    limit: number;
                };
                tailCalls: number;
            };
            engine: string;
            fault: {
                access: ("read" | "write") | null;
                address: string | null;
                code: string;
                insn: string;
                message: string;
                pc: number;
                program: string;
                region: string | null;
                size: number | null;
                source?: components["schemas"]["Source"];
            } | null;
            id: string;
            last: {
                insn: string;
                pc: number;
                program: string;
            } | null;
            outcome: {
                /** @enum {string} */
                code: "exit" | "insn_budget" | "tail_call_budget" | "wall_budget" | "memory_budget" | "expired_in_queue" | "oob_read" | "oob_write" | "readonly_write" | "null_deref" | "bad_insn" | "bad_argument" | "call_depth" | "stack_overflow" | "rejected_verifier" | "rejected_load" | "cancelled" | "worker_lost" | "internal";
                /** @enum {string} */
                kind: "exit" | "budget" | "fault" | "rejected" | "cancelled" | "internal";
            };
            output: {
                ctx: components["schemas"]["HexBytes"] | null;
                events: {
                    bytes: components["schemas"]["HexBytes"];
                    kind: string;
                    map: string;
                    step: string;
                }[];
                maps: {
                    [key: string]: components["schemas"]["EntryDocument"][];
                };
                packet: components["schemas"]["HexBytes"] | null;
                prints: components["schemas"]["PrintRow"][];
            };
            profile: string;
            r0: string | null;
            rejection: components["schemas"]["Rejection"] | null;
            returnValue: number | null;
            runKey: string | null;
            seed: string;
            timing: {
                compileUs: number;
                execNs: string;
                loadUs: number;
                queueUs: number;
                verifyUs: number;
            };
            verification: components["schemas"]["Verification"] | null;
        };
        SandboxBody: {
            /** @default [] */
            maps?: components["schemas"]["MapBody"][];
            object?: {
                elf: components["schemas"]["Bytes"];
            };
            /**
             * @default linux-6.18
             * @enum {string}
             */
            profile?: "linux-6.18";
            /** @default [] */
            programs?: components["schemas"]["Program"][];
            /** @description Instead of all the others: the id of a snapshot to start from */
            snapshot?: string;
            /**
             * @description Seconds until it ends; at most maxSandboxTtl of /v1/limits
             * @default 3600
             */
            ttl?: number;
            /**
             * @description Default: enforce; off for an entry of type raw
             * @enum {string}
             */
            verify?: "enforce" | "report" | "off";
        };
        SandboxDocument: {
            /** @description Memory that it takes while it is idle */
            bytes: number;
            /** @description RFC 3339 */
            createdAt: string;
            /** @description RFC 3339; PATCH moves it */
            expiresAt: string;
            id: string;
            maps: components["schemas"]["MapEntry"][];
            programs: {
                attachType: string | null;
                flags: string[];
                /** @description Instruction slots */
                insns: number;
                name: string;
                type: string;
            }[];
            /** @description Runs, map commands, copies and additions that wait or go on */
            queued: number;
            /** @description Runs that were lost with their thread: the maps were put back to before them */
            restores: number;
            /** @description Runs that have executed, and ended */
            runs: number;
            /** @enum {string} */
            state: "idle" | "running";
        };
        SandboxRunBody: {
            /** @description Where the service ends the run; ceilings in /v1/limits */
            budgets?: {
                /** @default 1000000 */
                instructions?: number;
                /** @default 16777216 */
                memoryBytes?: number;
                /** @default null */
                tailCalls?: number | null;
                /** @default 16777216 */
                traceBytes?: number;
                /** @default 1000 */
                wallMs?: number;
            };
            /**
             * @default chain
             * @enum {string}
             */
            detail?: "summary" | "chain" | "steps";
            entry: string;
            input?: {
                /** @description Context fields by name, as in /v1/info, or the bytes of the whole context */
                ctx?: {
                    /** @description RFC 4648 §4, padded */
                    base64?: string;
                    /** @description Two hexadecimal digits a byte, nothing between */
                    hex?: string;
                    /** @description The bytes of the text in UTF-8 */
                    text?: string;
                } & {
                    [key: string]: number | string;
                };
                packet?: components["schemas"]["Bytes"];
                /** @description Later: a capture */
                pcap?: Record<string, unknown>;
            };
            /**
             * @description The kernel limit being modelled: past it a tail call fails and falls through
             * @default 33
             */
            maxTailCalls?: number;
            /** @default 1 */
            repeat?: number;
            /** @description What the answer shows of the state after the run */
            return?: {
                /** @default false */
                ctx?: boolean;
                /** @default [] */
                maps?: string[];
                /** @default true */
                packet?: boolean;
            };
            /** @description An unsigned 64-bit integer: a number up to 2^53-1, or text, decimal or 0x */
            seed?: number | string;
        };
        Share: {
            /** @description RFC 3339 */
            createdAt: string;
            /** @description RFC 3339; then the share is gone */
            expiresAt: string;
            /** @description Unguessable (128 random bits): whoever has it may read the share */
            id: string;
            /** @description As it was shared: the body of POST /v1/runs */
            spec: components["schemas"]["RunBody"];
            step: string | null;
            /** @description Where it is read, on this server */
            url: string;
        };
        ShareBody: {
            /** @description Seconds until it expires; default defaultShareTtl, at most maxShareTtl of /v1/limits */
            expiresIn?: number;
            spec: components["schemas"]["RunBody"];
            /** @description The step to look at first: a number, or text, decimal or 0x */
            step?: number | string;
        };
        SlotDocument: {
            /** @description Completed changes of the array; rows of a chain quote it */
            generation: number;
            index: number;
            program: string | null;
        };
        SlotPage: {
            /** @description Completed changes of the array; rows of a chain quote it */
            generation: number;
            maxEntries: number;
            next: number | null;
            owner: {
                attachType: string | null;
                type: string;
                xdpHasFrags: boolean;
            } | null;
            slots: {
                index: number;
                program: string;
            }[];
        };
        SnapshotDocument: {
            bytes: number;
            /** @description RFC 3339 */
            expiresAt: string;
            id: string;
        };
        Source: {
            file: string;
            line: number;
            text: string;
        };
        StepPage: {
            first: string;
            next: string | null;
            steps: components["schemas"]["StepRow"][];
        };
        StepRow: {
            at?: string;
            call?: {
                arguments: string[];
                helper: string;
                result: string | null;
            };
            /** @description Frames of calls below the entry program's */
            depth: number;
            dst?: number;
            /** @description The function that the instruction belongs to */
            function: string;
            insn: string;
            mem?: {
                offset: number;
                region: string;
                size: number;
                value: string;
            };
            patches?: components["schemas"]["Patch"][];
            /** @description 8-byte slot in the program */
            pc: number;
            /** @description Index of the program in the run */
            program: number;
            source?: components["schemas"]["Source"];
            step: string;
            value?: string;
        };
        StepState: {
            ctx: components["schemas"]["HexBytes"] | null;
            /** @description Innermost first */
            frames: components["schemas"]["FrameState"][];
            maps: {
                [key: string]: {
                    key: components["schemas"]["HexBytes"];
                    /** @description Where the value lies in the map's region, as rows name a store to it */
                    offset?: number;
                    value: components["schemas"]["HexBytes"];
                }[];
            };
            packet: components["schemas"]["HexBytes"] | null;
            pc: number | null;
            program: number | null;
            registers: string[];
            stack: {
                hex: string;
                /** @description Offset from the entry program's r10; the bytes go up to it */
                start: number;
            };
            step: string;
        };
        SwapBody: {
            /** @description Slot index to the name of a program, or null to empty the slot */
            slots: {
                [key: string]: string | null;
            };
        };
        SwapDocument: {
            /** @description Completed changes of the array; rows of a chain quote it */
            generation: number;
            slots: {
                [key: string]: string | null;
            };
        };
        Verification: {
            level: "off" | "structure" | "full";
            programs: {
                insnsProcessed: number;
                name: string;
                stackDepth: number;
            }[];
            unsupported: string[];
            verdict: "accepted" | "rejected" | "partial";
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getLiveness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        status: "live";
                    };
                };
            };
        };
    };
    getOpenApi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenAPI 3.1 */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, unknown>;
                };
            };
        };
    };
    getProblemPage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A code of /v1/outcomes */
                code: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        probe: "passed" | "busy";
                        /** @enum {string} */
                        status: "ready";
                    };
                };
            };
        };
    };
    createBatch: {
        parameters: {
            query?: never;
            header?: {
                /** @description no-cache: make the run even if the result of the same one is remembered */
                "cache-control"?: string;
                /** @description With respond-async: the same key and body are the same run, also when sent again */
                "idempotency-key"?: string;
                /** @description respond-async: answer 202 before it has ended (RFC 7240) */
                prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BatchBody"];
                "application/x-ndjson": string;
            };
        };
        responses: {
            /** @description Lines of JSON, each a BatchLine */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                };
            };
            /** @description Accepted, and not ended yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
        };
    };
    getBatch: {
        parameters: {
            query?: {
                /** @description Seconds to wait for the end: 0s (default) to 30s */
                wait?: string;
            };
            header?: never;
            path: {
                /** @description The id of a batch */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Lines of JSON */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                };
            };
            /** @description Accepted, and not ended yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
        };
    };
    cancelBatch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a batch */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted, and not ended yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
        };
    };
    getInfo: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        engine: string;
                        helpers: {
                            gplOnly: boolean;
                            id: number;
                            implemented: boolean;
                            name: string;
                            /** @description Implemented types that may call it on Linux */
                            programTypes: string[];
                        }[];
                        mapTypes: {
                            implemented: boolean;
                            name: string;
                            number: number;
                        }[];
                        /** @description Described in the API and answered not_implemented today */
                        notImplemented: {
                            features: string[];
                            resources: string[];
                        };
                        profiles: string[];
                        programTypes: {
                            details: {
                                /** @description Return value to its name */
                                actions: {
                                    [key: string]: string;
                                };
                                context: {
                                    fields: {
                                        /** @description May input.ctx set it to another value than 0? */
                                        input: boolean;
                                        kernelName: string;
                                        name: string;
                                        offset: number;
                                        /** @description Does output.ctx show its value after the run? */
                                        output: boolean;
                                        size: number;
                                    }[];
                                    name: string;
                                    size: number;
                                } | null;
                                /** @enum {string} */
                                defaultVerify: "enforce" | "off";
                                maxPacketBytes: number;
                                minPacketBytes: number;
                                repeatable: boolean;
                            } | null;
                            implemented: boolean;
                            name: string;
                            number: number;
                        }[];
                        traceProtocols: string[];
                    };
                };
            };
        };
    };
    getLimits: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        default: number;
                        name: string;
                        text: string;
                        unit: string;
                        value: number;
                        /** @description Environment variable that sets it */
                        variable: string;
                    }[];
                };
            };
        };
    };
    getOutcomes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        outcomes: {
                            code: string;
                            /** @enum {string} */
                            kind: "exit" | "budget" | "fault" | "rejected" | "cancelled" | "internal";
                            text: string;
                        }[];
                        problems: {
                            code: string;
                            retryable: boolean;
                            status: number;
                            title: string;
                            type: string;
                        }[];
                    };
                };
            };
        };
    };
    storePrograms: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProgramUpload"];
                "application/x-elf": unknown;
            };
        };
        responses: {
            /** @description Known already */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProgramsStored"];
                };
            };
            /** @description Stored; Location when it is one program */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProgramsStored"];
                };
            };
        };
    };
    getProgram: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETags that the client has */
                "if-none-match"?: string;
            };
            path: {
                /** @description The id of a program */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProgramDetails"];
                };
            };
            /** @description The client has it (If-None-Match) */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getProgramGraph: {
        parameters: {
            query?: {
                /** @description json or dot; default: as Accept says */
                format?: string;
            };
            header?: {
                /** @description ETags that the client has */
                "if-none-match"?: string;
            };
            path: {
                /** @description The id of a program */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The graph */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProgramGraph"];
                    "text/vnd.graphviz": string;
                };
            };
            /** @description The client has it (If-None-Match) */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getProgramDisassembly: {
        parameters: {
            query?: {
                /** @description json or text; default: as Accept says */
                format?: string;
            };
            header?: {
                /** @description ETags that the client has */
                "if-none-match"?: string;
            };
            path: {
                /** @description The id of a program */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The instructions */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Disassembly"];
                    "text/plain": string;
                };
            };
            /** @description The client has it (If-None-Match) */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getProgramVerification: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETags that the client has */
                "if-none-match"?: string;
            };
            path: {
                /** @description The id of a program */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProgramVerification"];
                };
            };
            /** @description The client has it (If-None-Match) */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    createRun: {
        parameters: {
            query?: never;
            header?: {
                /** @description no-cache: make the run even if the result of the same one is remembered */
                "cache-control"?: string;
                /** @description With respond-async: the same key and body are the same run, also when sent again */
                "idempotency-key"?: string;
                /** @description respond-async: answer 202 before it has ended (RFC 7240) */
                prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RunBody"];
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunAnswerBody"];
                };
            };
            /** @description Accepted, and not ended yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
        };
    };
    getRun: {
        parameters: {
            query?: {
                /** @description Seconds to wait for the end: 0s (default) to 30s */
                wait?: string;
            };
            header?: never;
            path: {
                /** @description The id of a run */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunResult"];
                };
            };
            /** @description Accepted, and not ended yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
        };
    };
    cancelRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a run */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted, and not ended yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
        };
    };
    streamRunEvents: {
        parameters: {
            query?: {
                /** @description chain (default), or steps: every step too */
                detail?: string;
            };
            header?: {
                /** @description The id of the last event that the client has */
                "last-event-id"?: string;
            };
            path: {
                /** @description The id of a run */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description Nothing left: do not reconnect */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getRunState: {
        parameters: {
            query?: {
                /** @description Names of the maps to show, separated by commas; empty: none. Default: all */
                maps?: string;
                /** @description The step in front of which the state is shown; default, and beyond the end: the final state */
                step?: string;
            };
            header?: never;
            path: {
                /** @description The id of a run */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StepState"];
                };
            };
        };
    };
    getRunSteps: {
        parameters: {
            query?: {
                /** @description Steps of the page: 1 to 4096 (512) */
                count?: string;
                /** @description First step of the page (0) */
                from?: string;
            };
            header?: never;
            path: {
                /** @description The id of a run */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StepPage"];
                };
            };
        };
    };
    getRunPerfettoTrace: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a run */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Trace-event JSON */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, unknown>;
                };
            };
        };
    };
    createSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SandboxBody"];
            };
        };
        responses: {
            /** @description Made */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedSandbox"];
                };
            };
        };
    };
    getSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SandboxDocument"];
                };
            };
        };
    };
    deleteSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    updateSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * @description Seconds until it ends; at most maxSandboxTtl of /v1/limits
                     * @default 3600
                     */
                    ttl: number;
                };
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SandboxDocument"];
                };
            };
        };
    };
    forkSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * @description Seconds until it ends; at most maxSandboxTtl of /v1/limits
                     * @default 3600
                     */
                    ttl?: number;
                };
            };
        };
        responses: {
            /** @description Made */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SandboxDocument"];
                };
            };
        };
    };
    getSandboxGraph: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GraphDocument"];
                };
            };
        };
    };
    listMaps: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MapList"];
                };
            };
        };
    };
    listEntries: {
        parameters: {
            query?: {
                /** @description Elements behind this key (hex): `next` of the page before */
                after?: string;
                /** @description At most so many; default 100 */
                limit?: string;
            };
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
                /** @description The name of a map */
                map: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EntryPage"];
                };
            };
        };
    };
    getEntry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
                /** @description The key's bytes in hex */
                key: string;
                /** @description The name of a map */
                map: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EntryDocument"];
                };
            };
        };
    };
    putEntry: {
        parameters: {
            query?: {
                /** @description One of any, noexist, exist (default any) */
                mode?: string;
            };
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
                /** @description The key's bytes in hex */
                key: string;
                /** @description The name of a map */
                map: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    value: components["schemas"]["Bytes"];
                };
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EntryDocument"];
                };
            };
        };
    };
    deleteEntry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
                /** @description The key's bytes in hex */
                key: string;
                /** @description The name of a map */
                map: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listSlots: {
        parameters: {
            query?: {
                /** @description Slots behind this index */
                after?: string;
                /** @description At most so many; default 100 */
                limit?: string;
            };
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
                /** @description The name of a map */
                map: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SlotPage"];
                };
            };
        };
    };
    getSlot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
                /** @description The index of a slot, decimal */
                index: string;
                /** @description The name of a map */
                map: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SlotDocument"];
                };
            };
        };
    };
    putSlot: {
        parameters: {
            query?: {
                /** @description One of any, noexist, exist (default any) */
                mode?: string;
            };
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
                /** @description The index of a slot, decimal */
                index: string;
                /** @description The name of a map */
                map: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    program: string;
                };
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SlotDocument"];
                };
            };
        };
    };
    clearSlot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
                /** @description The index of a slot, decimal */
                index: string;
                /** @description The name of a map */
                map: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SlotDocument"];
                };
            };
        };
    };
    swapSlots: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
                /** @description The name of a map */
                map: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SwapBody"];
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SwapDocument"];
                };
            };
        };
    };
    addSandboxProgram: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Program"];
            };
        };
        responses: {
            /** @description Made */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AddedProgram"];
                };
            };
        };
    };
    runOnSandbox: {
        parameters: {
            query?: never;
            header?: {
                /** @description respond-async: answer 202 before it has ended (RFC 7240) */
                prefer?: string;
            };
            path: {
                /** @description The id of a sandbox */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SandboxRunBody"];
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunAnswerBody"];
                };
            };
            /** @description Accepted, and not ended yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
        };
    };
    snapshotSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a sandbox */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * @description Seconds until it ends; at most maxSandboxTtl of /v1/limits
                     * @default 3600
                     */
                    ttl?: number;
                };
            };
        };
        responses: {
            /** @description Made */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SnapshotDocument"];
                };
            };
        };
    };
    createShare: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ShareBody"];
            };
        };
        responses: {
            /** @description Made */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedShare"];
                };
            };
        };
    };
    getShare: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a share */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Share"];
                };
            };
        };
    };
    deleteShare: {
        parameters: {
            query?: never;
            header?: {
                /** @description The token that POST /v1/shares gave. It needs no Authorization beside it */
                "delete-token"?: string;
            };
            path: {
                /** @description The id of a share */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    deleteSnapshot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a snapshot */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    createTraceTicket: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Made */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        expiresInMs: number;
                        /** @description For /v1/traces?ticket=…, once */
                        ticket: string;
                    };
                };
            };
        };
    };
    openTraceSocket: {
        parameters: {
            query?: {
                /** @description From POST /v1/trace-tickets, in place of a key */
                ticket?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The socket is open */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
