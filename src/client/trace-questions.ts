/** Questions about single steps (seek, inspect, runTo). Answers carry no number, so one question at a time is under way: the first. */

import type { ClientMessage, ServerMessage } from '../contract/trace.ts';
import { MessagePace } from './message-pace.ts';

export type MessageOf<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>;
export type AnswerType = 'state' | 'inspected' | 'found';

interface Question {
  readonly type: AnswerType;
  readonly message: ClientMessage;
  readonly resolve: (answer: ServerMessage) => void;
  readonly reject: (error: Error) => void;
}

type Send = (message: ClientMessage) => void;

export class TraceQuestions {
  readonly #waiting: Question[] = [];
  readonly #pace = new MessagePace();
  /** null: nobody can be asked now. */
  #send: Send | null = null;
  #underWay = false;

  get count(): number {
    return this.#waiting.length;
  }

  ask<Type extends AnswerType>(type: Type, message: ClientMessage): Promise<MessageOf<Type>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ type, message, resolve: (answer) => resolve(answer as MessageOf<Type>), reject });
      this.#next();
    });
  }

  /** From now on a server can be asked; what was under way is asked again, for it only reads. */
  begin(send: Send, limits: Readonly<Record<string, number>>): void {
    this.#send = send;
    this.#underWay = false;
    this.#pace.begin(limits);
    this.#next();
  }

  pause(): void {
    this.#send = null;
    this.#underWay = false;
  }

  #next(): void {
    const [question] = this.#waiting;
    const send = this.#send;
    if (question === undefined || send === null || this.#underWay) return;
    this.#underWay = true;
    const wait = this.#pace.take();
    if (wait === 0) send(question.message);
    else setTimeout(() => send(question.message), wait);
  }

  /** @returns whether a question was waiting for this */
  answer(message: ServerMessage): boolean {
    return this.#underWay && this.#waiting[0]?.type === message.type && this.#settle((one) => one.resolve(message));
  }

  /** The server said no. @returns whether it meant a question */
  refuse(error: Error): boolean {
    return this.#underWay && this.#settle((one) => one.reject(error));
  }

  #settle(settle: (question: Question) => void): true {
    this.#underWay = false;
    const question = this.#waiting.shift();
    if (question !== undefined) settle(question);
    this.#next();
    return true;
  }

  /** Nobody will answer any more. */
  rejectAll(error: Error): void {
    this.pause();
    for (const question of this.#waiting.splice(0)) question.reject(error);
  }
}
