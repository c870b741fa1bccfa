/* SPDX-License-Identifier: Apache-2.0
 * Switching stacks: the callee-saved registers of the platform's calling convention are pushed, the
 * stack pointer swapped, and the other side's popped (System V AMD64 ABI §3.2; AAPCS64 §6.1).
 * swapcontext(3) does the same with two system calls for the signal mask, which we never change. */
#include "rt/internal.h"

#if defined(__x86_64__)

__asm__(".text\n"
        ".globl stack_switch\n"
        ".type stack_switch,@function\n"
        "stack_switch:\n"
        "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
        "  subq $8, %rsp\n  stmxcsr (%rsp)\n  fnstcw 4(%rsp)\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  ldmxcsr (%rsp)\n  fldcw 4(%rsp)\n  addq $8, %rsp\n"
        "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
        "  ret\n"
        ".size stack_switch,.-stack_switch\n");

void *stack_prepare(char *top) {
    uintptr_t *sp = (uintptr_t *)((uintptr_t)top & ~(uintptr_t)15);
    *--sp = 0;                     /* a return address for coro_entry, never used; keeps the ABI's alignment */
    *--sp = (uintptr_t)coro_entry; /* popped by ret */
    for (int i = 0; i < 6; i++) *--sp = 0;
    *--sp = (uintptr_t)0x037F << 32 | 0x1F80; /* x87 control word and MXCSR, as at process start */
    return sp;
}

#elif defined(__aarch64__)

__asm__(".text\n"
        ".globl stack_switch\n"
        ".type stack_switch,%function\n"
        "stack_switch:\n"
        "  sub sp, sp, #160\n"
        "  stp x19, x20, [sp, #0]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n"
        "  stp x25, x26, [sp, #48]\n  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
        "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
        "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
        "  ldp x19, x20, [sp, #0]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n"
        "  ldp x25, x26, [sp, #48]\n  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"
        "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
        "  add sp, sp, #160\n"
        "  ret\n"
        ".size stack_switch,.-stack_switch\n");

void *stack_prepare(char *top) {
    uintptr_t *sp = (uintptr_t *)((uintptr_t)top & ~(uintptr_t)15) - 20;
    memset(sp, 0, 160);
    sp[11] = (uintptr_t)coro_entry; /* x30: where ret goes */
    return sp;
}

#else
#error "socle knows how to switch stacks on x86-64 and aarch64 only: add your ABI here"
#endif
