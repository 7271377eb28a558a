export {
  type FileRecipe,
  type MountRecipe,
  parseRecipe,
  type Recipe,
  recipeSchema,
  recipeText,
  type UserRecipe,
} from './recipe.js';
