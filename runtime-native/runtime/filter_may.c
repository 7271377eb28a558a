/* Which calls a filter may permit, by what is known of them: its program is followed along all ways at once. */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "filter.h"

/* A word of which the bits in `known` are those of `bits`; the others of `bits` are zero. */
struct word {
	uint32_t bits, known;
};

static const struct word anything = {0, 0};

/* What holds where an instruction begins, whichever way has led there. */
struct state {
	bool reached;
	struct word a, x, memory[BPF_MEMWORDS];
};

static struct word exactly(uint32_t value)
{
	return (struct word){value, UINT32_MAX};
}

static bool is_exact(struct word word)
{
	return word.known == UINT32_MAX;
}

static uint32_t most(struct word word)
{
	return word.bits | ~word.known;
}

static struct word either(struct word one, struct word other)
{
	uint32_t known = one.known & other.known & ~(one.bits ^ other.bits);

	return (struct word){one.bits & known, known};
}

static void state_join(struct state *to, const struct state *from)
{
	if (!to->reached) {
		*to = *from;
		return;
	}
	to->a = either(to->a, from->a);
	to->x = either(to->x, from->x);
	for (int i = 0; i < BPF_MEMWORDS; i++)
		to->memory[i] = either(to->memory[i], from->memory[i]);
}

static struct word arithmetic(uint16_t code, struct word a, struct word operand)
{
	uint32_t known;

	switch (BPF_OP(code)) {
	case BPF_AND:
		known = (a.known & operand.known) | (a.known & ~a.bits) | (operand.known & ~operand.bits);
		return (struct word){a.bits & operand.bits & known, known};
	case BPF_OR:
		known = (a.known & operand.known) | a.bits | operand.bits;
		return (struct word){(a.bits | operand.bits) & known, known};
	case BPF_XOR:
		known = a.known & operand.known;
		return (struct word){(a.bits ^ operand.bits) & known, known};
	case BPF_LSH:
		if (!is_exact(operand))
			return anything;
		if (operand.bits >= 32)
			return exactly(0);
		known = a.known << operand.bits | ((1U << operand.bits) - 1);
		return (struct word){a.bits << operand.bits & known, known};
	case BPF_RSH:
		if (!is_exact(operand))
			return anything;
		if (operand.bits >= 32)
			return exactly(0);
		known = a.known >> operand.bits | ~(UINT32_MAX >> operand.bits);
		return (struct word){a.bits >> operand.bits & known, known};
	default: /* The rest carries from bit to bit. */
		return anything;
	}
}

static void jump(const struct sock_filter *insn, const struct state *state, bool *taken, bool *passed)
{
	struct word a = state->a, operand = BPF_SRC(insn->code) == BPF_X ? state->x : exactly(insn->k);

	switch (BPF_OP(insn->code)) {
	case BPF_JEQ:
		*taken = !((a.bits ^ operand.bits) & a.known & operand.known);
		*passed = !is_exact(a) || !is_exact(operand) || a.bits != operand.bits;
		break;
	case BPF_JGT:
		*taken = most(a) > operand.bits;
		*passed = a.bits <= most(operand);
		break;
	case BPF_JGE:
		*taken = most(a) >= operand.bits;
		*passed = a.bits < most(operand);
		break;
	case BPF_JSET:
		*taken = most(a) & most(operand);
		*passed = !(a.bits & operand.bits);
		break;
	default:
		*taken = *passed = true;
		break;
	}
}

static struct word part_of(const struct seccomp_data *call, const struct seccomp_data *known, uint32_t at)
{
	struct word word;

	memcpy(&word.bits, (const char *)call + at, sizeof(word.bits));
	memcpy(&word.known, (const char *)known + at, sizeof(word.known));
	word.bits &= word.known;
	return word;
}

/* Whatever else it is, the kernel does not perform the call. */
static bool is_permission(uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_USER_NOTIF:
		return false;
	default:
		return true;
	}
}

/* Loads and stores, all but jumps and returns. False: what this does not know. */
static bool step(const struct sock_filter *insn, const struct seccomp_data *call, const struct seccomp_data *known,
		 struct state *state)
{
	struct word *to = BPF_CLASS(insn->code) == BPF_LDX ? &state->x : &state->a;

	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
		if (BPF_MODE(insn->code) == BPF_IMM)
			*to = exactly(insn->k);
		else if (BPF_MODE(insn->code) == BPF_MEM && insn->k < BPF_MEMWORDS)
			*to = state->memory[insn->k];
		else if (insn->code == (BPF_LD | BPF_W | BPF_ABS) && insn->k <= sizeof(*call) - sizeof(uint32_t) &&
			 insn->k % sizeof(uint32_t) == 0)
			*to = part_of(call, known, insn->k);
		else
			return false;
		return true;
	case BPF_ST:
	case BPF_STX:
		if (insn->k >= BPF_MEMWORDS)
			return false;
		state->memory[insn->k] = BPF_CLASS(insn->code) == BPF_ST ? state->a : state->x;
		return true;
	case BPF_ALU:
		state->a = arithmetic(insn->code, state->a, BPF_SRC(insn->code) == BPF_X ? state->x : exactly(insn->k));
		return true;
	case BPF_MISC:
		if (BPF_MISCOP(insn->code) == BPF_TAX)
			state->x = state->a;
		else
			state->a = state->x;
		return true;
	default:
		return false;
	}
}

/* Jumps go forward only (vxe_filter_from_bytes), so all ways to an instruction are known when it is come to. */
static bool may_permit(const struct vxe_filter *filter, const struct seccomp_data *call, const struct seccomp_data *known,
		       struct state *states)
{
	for (unsigned int at = 0; at <= filter->length; at++)
		states[at].reached = false;
	states[0] = (struct state){.reached = true, .a = exactly(0), .x = exactly(0)};
	for (int i = 0; i < BPF_MEMWORDS; i++)
		states[0].memory[i] = exactly(0);
	for (unsigned int at = 0; at < filter->length; at++) {
		const struct sock_filter *insn = &filter->program[at];
		struct state *state = &states[at];
		bool taken = false, passed = false;

		if (!state->reached)
			continue;
		if (BPF_CLASS(insn->code) == BPF_RET) {
			if (BPF_RVAL(insn->code) == BPF_A || is_permission(insn->k))
				return true;
		} else if (BPF_CLASS(insn->code) == BPF_JMP && BPF_OP(insn->code) == BPF_JA) {
			state_join(&states[at + 1 + insn->k], state);
		} else if (BPF_CLASS(insn->code) == BPF_JMP) {
			jump(insn, state, &taken, &passed);
			if (taken)
				state_join(&states[at + 1 + insn->jt], state);
			if (passed)
				state_join(&states[at + 1 + insn->jf], state);
		} else if (step(insn, call, known, state)) {
			state_join(&states[at + 1], state);
		} else {
			return true;
		}
	}
	return false;
}

bool vxe_filter_may_permit(const struct vxe_filter *filter, const struct vxe_filter_call *calls, size_t count)
{
	cleanup_free struct state *states = malloc((filter->length + 1U) * sizeof(*states));

	for (size_t i = 0; states && i < count; i++)
		if (may_permit(filter, &calls[i].call, &calls[i].known, states))
			return true;
	return !states;
}
